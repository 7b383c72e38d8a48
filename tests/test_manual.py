#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual says what the program does: options, statuses, examples, words, numbers and keys.

Examples are fenced blocks: a line "$ COMMAND" and its output, in which "..." stands for any text, alone in a line
for any lines. "; echo $?" shows a status; without it the status is 0.
"""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from wattstep import BUILD, PROGRAM, ROOT

MAN = ROOT / "docs/man"
STATUSES = (0, 1, 2, 3, 10, 11, 12, 130)  # of `run`

# They measure for minutes, or need a profile of such a run.
NOT_RUN = re.compile(r"wattstep run(?!.*(--sysfs empty|--help))|wattstep show")


def said(*arguments):
    return subprocess.run([PROGRAM, *arguments], text=True, capture_output=True, check=True, timeout=60).stdout


def commands():
    """{name: summary}, as `wattstep --help` lists them."""
    return dict(re.findall(r"^  ([a-z]+) +(.+)$", said("--help").split("Usage:")[1], re.M))


def help_options(command):
    """{"-p, --plan NAME|FILE": text}, as `wattstep COMMAND --help` lists them."""
    options, name = {}, None
    for line in said(command, "--help").split("\nOptions:\n")[1].split("\n\n")[0].splitlines():
        if line.lstrip().startswith("-") and not line.startswith(" " * 30):
            name = line.strip() if line[29:30].strip() else line[:30].strip()
            options[name] = []
            line = " " * 30 if line[29:30].strip() else line
        options[name].append(line[30:].strip())
    return {name: " ".join(words).strip() for name, words in options.items()}


def page(command=None):
    return (MAN / f"wattstep{'-' + command if command else ''}.1.md").read_text()


def section(text, title):
    return re.search(rf"^# {title}\n(.*?)(?=^# |\Z)", text, re.M | re.S).group(1)


def plain(text):
    """Text without the marks of emphasis and the backslashes that keep pandoc from typesetting it."""
    return " ".join(re.sub(r"[*\\]", "", text).split())


def page_options(command):
    """{"-p, --plan NAME|FILE": first paragraph} of the page's OPTIONS."""
    entries = re.findall(r"^(\*\*.+)\n:   ((?:.+\n)+)", section(page(command), "OPTIONS"), re.M)
    return {plain(term): plain(text) for term, text in entries}


def examples(text):
    """[[(command, output), ...], ...]: the fenced blocks that begin with a command."""
    return [re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.M)
            for block in re.findall(r"^```\n(\$ .*?)^```$", text, re.M | re.S)]


def pattern(output):
    """A regular expression for an output with "..." in it."""
    lines = [r"(?:.*\n)*?" if line == "..." else r".*".join(map(re.escape, line.split("..."))) + "\n"
             for line in output.splitlines()]
    return "".join(lines)


def words_of_verdicts():
    """{name: sentence} of all reasons and flags, out of profiles/verdict.c."""
    return dict(re.findall(r'\{"(\w+)",\s*"([^"]+)"\}', (ROOT / "profiles/verdict.c").read_text()))


def keys_of(schema):
    """All names of properties in a schema, however deep."""
    if isinstance(schema, list):
        return {key for part in schema for key in keys_of(part)}
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})) | {key for part in schema.values() for key in keys_of(part)}


class Pages(unittest.TestCase):
    def test_every_command_has_a_page_and_every_page_a_command(self):
        pages = {path.name.removesuffix(".1.md") for path in MAN.glob("*.1.md")}
        self.assertEqual(pages, {"wattstep"} | {f"wattstep-{name}" for name in commands()})

    def test_the_pages_name_and_summarise_the_commands_as_help_does(self):
        for name, summary in commands().items():
            self.assertEqual(section(page(name), "NAME").strip(), f"wattstep-{name} - {summary}")
            self.assertIn(f"**{name}**\n:   {summary}: **wattstep-{name}**(1)\n", section(page(), "COMMANDS"))

    def test_each_page_lists_the_options_of_its_command_in_the_same_words(self):
        for name in commands():
            options = help_options(name)
            self.assertGreater(len(options), 1)
            self.assertEqual(page_options(name), options, f"wattstep-{name}")

    def test_the_page_of_run_lists_every_exit_status(self):
        text = section(page("run"), "EXIT STATUS")
        self.assertEqual([int(status) for status in re.findall(r"^\*\*(\d+)\*\*\n:   ", text, re.M)], list(STATUSES))

    def test_the_parameters_of_the_simulated_node_are_those_of_help(self):
        lines = said("meters", "--help").split("(--sim KEY=VALUE,...):\n")[1].splitlines()
        listed = re.findall(r"^\*\*(\w+)\*\*\n:   (.+)$", section(page("meters"), "THE SIMULATED NODE"), re.M)
        self.assertEqual([f"{key} {text}" for key, text in listed], [" ".join(line.split(None, 1)) for line in lines])

    def test_the_built_in_states_are_described_as_the_program_does(self):
        listed = re.findall(r"^\*\*([a-z-]+)\*\*\n:   (.+)$", section(page("states"), "BUILT-IN STATES"), re.M)
        self.assertEqual(listed, [(s["name"], s["description"]) for s in json.loads(said("states", "--json"))])

    def test_the_examples_end_and_answer_as_the_pages_say(self):
        environment = {**os.environ, "PATH": f"{BUILD.resolve()}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
        ran = 0
        for path in sorted(MAN.glob("*.1.md")):
            with tempfile.TemporaryDirectory(prefix="wattstep-test-") as folder:
                (pathlib.Path(folder) / "workloads").symlink_to(ROOT / "workloads")
                for block in examples(path.read_text()):
                    if any(NOT_RUN.search(command) for command, _ in block):
                        continue
                    for command, output in block:
                        with self.subTest(page=path.name, command=command):
                            self.run_example(folder, environment, command, output)
                            ran += 1
        self.assertGreater(ran, 10)

    def run_example(self, folder, environment, command, output):
        done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        # Whether this machine has a power source is not the manual's to say.
        self.assertIn(done.returncode, (0, 3) if command == "wattstep meters" else (0,), done.stdout)
        if output.strip():
            self.assertTrue(re.fullmatch(pattern(output), done.stdout),
                            f"the page says:\n{output}\nthe program says:\n{done.stdout}")


class Method(unittest.TestCase):
    text = (ROOT / "docs/method.md").read_text()

    def test_every_reason_and_flag_is_explained_with_its_sentence(self):
        definitions = json.loads((ROOT / "profiles/power-profile.schema.json").read_text())["$defs"]
        names = [name for name in definitions["reason"]["enum"] + definitions["flag"]["enum"] if name]
        sentences = words_of_verdicts()
        self.assertEqual(sorted(names), sorted(sentences))
        for name in names:
            self.assertIn(f"\n| `{name}` | {sentences[name]} |", self.text)
        for name in definitions["verdict"]["enum"]:
            self.assertIn(f"\n| `{name}` | ", self.text)

    def test_the_table_of_rules_has_the_numbers_of_the_code(self):
        source = (ROOT / "profiles/rule.c").read_text()
        rules = re.findall(r'\{"(\w+)", (true|false), (\d+), (\d+), (\d+), ([\d.]+), (\d+)\}', source)
        self.assertEqual([rule[0] for rule in rules], ["quick", "standard", "thorough"])
        for name, from_tau, floor, window, most, precision, horizon in rules:
            floor = f"2 τ, at least {floor}" if from_tau == "true" else floor
            row = f"| `{name}` | {floor} s | {window} s | {most} s | {float(precision) * 100:g} % | {horizon} s |"
            self.assertIn(row, self.text)

    def test_the_other_constants_of_the_code_stand_in_the_text(self):
        for name, file, words in (
                ("TYPICAL_TAU_S", "profiles/rule.c", "It is {} s where none is known"),
                ("MOST_FLOOR_S", "profiles/rule.c", "at most {} s, since longer waits"),
                ("SLOW_UPDATES", "profiles/rule.c", "must hold {} updates"),
                ("SLOW_SLACK_S", "profiles/rule.c", "10 periods + {} s*"),
                ("BATCH_S", "profiles/transient.h", "means of {} s are formed"),
                ("MOST_BATCHES", "profiles/estimate.c", "at most {} equal batches"),
                ("MOST_AUTOCORRELATION", "profiles/estimate.c", "within 0 and {}. What"),
                ("SECONDS_PER_COSINE", "profiles/estimate.c", "*k* is *n*/{}, at"),
                ("LEAST_COSINES", "profiles/estimate.c", "at least {} and at most 8"),
                ("MOST_COSINES", "profiles/estimate.c", "at least 4 and at most {}"),
                ("AUTOCORRELATION_SHARE", "profiles/estimate.c", "1/(1/k + {} (1 + r)"),
                ("ONE_SIDED", "profiles/estimate.c", "|remainder| + {} h₀"),
                ("SHOWS", "profiles/transient.c", "lowers the squares by {} residual variances"),
                ("MISFIT", "profiles/transient.c", "over {} times the window's variance"),
                ("NOT_REFUSED", "profiles/transient.c", "within {} residual variances of the best"),
                ("NORMAL_95_ONE_SIDED", "profiles/estimate.c", "(|β| + {} u_A"),
                ("LEAST_DRIFT_W", "profiles/estimate.c", "mean or {} W, whichever is more. *L*"),
                ("LEAST_SHIFT_W", "profiles/estimate.c", "1 % of the mean or {} W"),
                ("LEAST_PRECISION_W", "profiles/estimate.c", "or {} W, whichever is more. For a slow"),
                ("LEAST_SLOW_PRECISION_W", "profiles/estimate.c", "at most 1 % of the mean or {} W"),
                ("SPIKE_DEVIATIONS", "profiles/transient.c", "{} × 1.4826 × MAD"),
                ("SERIES_LOST_S", "profiles/series.h", "one of them is silent for {} s"),
                ("SERIES_GAP_S", "profiles/series.h", "at most for {} s"),
                ("BMC_PERIOD_UNKNOWN_S", "profiles/bmc_facts.h", "| update period | {} s |"),
                ("BMC_SHIFT_UNKNOWN_S", "profiles/bmc_facts.h", "| lag | {} s |"),
                ("CHECK_EVERY_S", "profiles/judge.c", "Every {} s:"),
                ("SHOWN_AT_LATEST_S", "harness/conductor.c", "at the latest {} s after"),
                ("SHOWN_WITHIN_PCT", "harness/conductor.c", "within {} points of their target"),
                ("MIRROR_SPAN_S", "profiles/sources.c", "three of four spans of {} s"),
                ("UTILISATION_TOLERANCE_PCT", "profiles/health.c", "over {} points off its target"),
                ("ENERGY_COUNTER_RISE_W", "harness/energy_counter.h", "| least bound for a rise | {} W |"),
                ("ENERGY_COUNTER_SLACK_S", "harness/energy_counter.h", "| slack | {} s of"),
                ("SUSPENDED_S", "harness/sampler.c", "gained over {} s")):
            value = re.search(rf"^#define {name} ([\d.]+)", (ROOT / file).read_text(), re.M).group(1)
            self.assertIn(words.format(f"{float(value):g}"), " ".join(self.text.split()), name)


class Files(unittest.TestCase):
    text = (ROOT / "docs/profile.md").read_text()

    def test_every_key_of_the_schemas_is_explained(self):
        schemas = sorted(ROOT.glob("*/*.schema.json"))
        self.assertEqual(len(schemas), 5)
        for schema in schemas:
            for key in sorted(keys_of(json.loads(schema.read_text()))):
                self.assertIn(f"`{key}`", self.text, schema.name)

    def test_every_event_of_a_trace_is_explained(self):
        names = re.findall(r'\[TRACE_\w+\] = "(\w+)"', (ROOT / "profiles/trace.c").read_text())
        self.assertGreater(len(names), 6)
        for name in [*names, "state_began", "state_ended", "run_ended"]:
            self.assertRegex(self.text, rf"(?m)^\| .*`{name}`.* \| ")

    def test_the_examples_of_documents_are_valid(self):
        documents = re.findall(r"^```json\n(.*?)^```$", self.text, re.M | re.S)
        self.assertEqual({json.loads(d)["format"] for d in documents},
                         {"wattstep/state", "wattstep/plan", "wattstep/calibration", "wattstep/bmc-facts"})
        with tempfile.TemporaryDirectory(prefix="wattstep-test-") as folder:
            for document in documents:
                path = pathlib.Path(folder) / "example.json"
                path.write_text(document)
                done = subprocess.run([PROGRAM, "validate", path], text=True, capture_output=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_bare_trace_is_read(self):
        trace = re.search(r"((?:^    .*\n)+)", self.text.split("### A bare trace")[1], re.M).group(1)
        done = subprocess.run([PROGRAM, "analyze", "-"], input=trace.replace("    ", ""), text=True, capture_output=True,
                              timeout=60)
        self.assertEqual(done.returncode, 10, done.stderr)
        self.assertIn("insufficient (short)", done.stdout)


class ThePromises(unittest.TestCase):
    def test_each_promise_names_tests_that_exist(self):
        rows = re.findall(r"^\| [ B0-9].*`.*\|$", (ROOT / "docs/promises.md").read_text(), re.M)
        self.assertGreater(len(rows), 35)
        for row in rows:
            _, _, names, files = (cell.strip() for cell in row.strip("|").split(" | "))
            text = "".join((ROOT / path).read_text() for path in re.findall(r"`([a-z_/]+\.(?:c|py))`", files))
            tests = re.findall(r"`((?:test_)?\w+_\w+)`", names)
            self.assertTrue(tests, row)
            for name in tests:
                self.assertRegex(text, rf"(static void|def) {name}\(", row)


if __name__ == "__main__":
    unittest.main()
