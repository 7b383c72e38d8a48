# SPDX-License-Identifier: GPL-3.0-or-later
"""The quirks of energy counters, each on a simulated node of its own: where the energy can be known, the figures are those
of the truth; where it cannot, they are refused by name. All runs go on at the same time and take about 100 s.

The simulated nodes have a fixed load and a /proc/stat in which no time passes, so nothing here depends on what the machine
does.
"""
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import wattstep  # noqa: E402
from rigs.powercap_node import PowercapNode  # noqa: E402

slow = True

ALLOWED = 0.005  # of the truth
RUN_LASTS_S = 240  # at most: 90 s of measuring, 30 s until a load shows itself, and time for a busy machine
OF_THE_MACHINE = {"slow_reads", "steal"}  # flags that a busy machine may add
SCHEMA = jsonschema.Draft202012Validator(json.loads((wattstep.ROOT / "profiles/power-profile.schema.json").read_text()))

# The window of 20 s or more ends after 35 to 90 s: it holds at least one of the faults that come back every 8 s.
FAULTS_S, HEALED_AFTER_S = range(14, 90, 8), 3
FAULT_S = 22
SINGLE = ["package-0"], ["dram-0"]


def sockets(n):
    return [f"package-{p}" for p in range(n)], [f"dram-{p}" for p in range(n)]


def again_and_again(*steps):
    """steps: (seconds after the beginning of a fault, command)."""
    return [(at_s + after_s, command) for at_s in FAULTS_S for after_s, command in steps]


def passing(fault):
    return again_and_again((0, fault), (HEALED_AFTER_S, "heal " + fault.split()[1]))


@dataclasses.dataclass
class Quirk:
    rig: dict
    zones: tuple = SINGLE  # the true cpu and dram are the sums of these
    faults: tuple = ()  # (seconds after the first reading, command)
    flags: set = dataclasses.field(default_factory=set)
    perhaps: set = dataclasses.field(default_factory=set)  # flags that hang on where the window begins
    options: tuple = ()
    loaded: bool = False  # a light load instead of idle: only under load is it seen that zones repeat each other


# Wraps every 4.5 s (132 W of 600 J; memory: 110 W of 1000 J), four readings a second. The limit of 200 W makes 400 W plausible.
TINY = {"range_uj": 600e6, "dram_range_uj": 1000e6, "dram_idle_w": 100}
# Both counters wrap 25 s after the start of the node.
NEAR_ITS_END = {"range_uj": 262143328850, "dram_range_uj": 262143328850, "start_uj": 262143328850 - 25 * 132e6,
                "dram_idle_w": 125}

QUIRKS = {
    "plain": Quirk({}),
    "psys": Quirk({"psys": True}),
    "mmio": Quirk({"mmio": True}),
    "core and uncore": Quirk({"core": True, "uncore": True}),
    "no dram": Quirk({"no_dram": True}, (["package-0"], [])),
    "2 sockets": Quirk({"sockets": 2}, sockets(2)),
    "4 sockets": Quirk({"sockets": 4, "psys": True, "core": True}, sockets(4)),
    "8 sockets": Quirk({"sockets": 8}, sockets(8)),
    "mirrored dies": Quirk({"dies": "mirrored"}, (["package-0-die-0"], ["dram-0-die-0"]), flags={"deduplicated"}, loaded=True),
    "real dies": Quirk({"dies": "real"}, ([f"package-0-die-{d}" for d in (0, 1)], [f"dram-0-die-{d}" for d in (0, 1)]),
                       loaded=True),
    "tiny range": Quirk(TINY, options=("--rate", "4")),
    "start near the wrap": Quirk(NEAR_ITS_END),
    "small power in coarse steps": Quirk({"idle_w": 0.5, "span_w": 2, "dram_idle_w": 0.3, "dram_span_w": 0.2, "unit_nj": 61035,
                                        "dram_unit_nj": 61035, "step_us": 1000}),
    "AMD range": Quirk({"no_dram": True, "core": True, "unit_nj": 15258, "range_uj": 65532610987}, (["package-0"], [])),
    "turns away and comes back": Quirk({"sockets": 2}, sockets(2), again_and_again(
        (0, "vanish intel-rapl:1"), (HEALED_AFTER_S, "return intel-rapl:1")), {"gaps"}),
    "EIO for a while": Quirk({}, faults=passing("fail package-0 EIO"), flags={"gaps"}),
    "dram EIO for a while": Quirk({}, faults=passing("fail dram-0 EIO"), flags={"gaps"}),
    "garbled for a while": Quirk({}, faults=passing("garble package-0"), flags={"gaps"}),
    "empty for a while": Quirk({}, faults=passing("empty package-0"), flags={"gaps"}),
    "counter reset": Quirk({}, faults=again_and_again((0, "reset package-0")), flags={"counter_reset", "degraded"}),
    "driver loaded again": Quirk({"sockets": 2}, sockets(2), again_and_again(
        *[(0, f"vanish intel-rapl:{p}") for p in (0, 1)],
        *[(1, f"reset {zone}-{p}") for zone in ("package", "dram") for p in (0, 1)],
        *[(HEALED_AFTER_S, f"return intel-rapl:{p}") for p in (0, 1)]), {"counter_reset", "gaps", "degraded"}),
    # From here on something cannot be known.
    "stuck package": Quirk({}, faults=((FAULT_S, "stuck package-0"),)),
    "stuck for 4 s": Quirk({}, faults=((FAULT_S, "stuck package-0"), (FAULT_S + 4, "heal package-0"))),
    "stuck dram": Quirk({}, faults=((FAULT_S, "stuck dram-0"),), flags={"unmoving"}),
    "one dram of two stuck": Quirk({"sockets": 2}, sockets(2), ((0, "stuck dram-1"),), {"unmoving"}),
    "one package never read": Quirk({"sockets": 2}, sockets(2), ((0, "fail package-1 EIO"),), {"source_lost"}),
    "package lost": Quirk({}, faults=((FAULT_S, "fail package-0 EIO"),), flags={"source_lost"},
                          perhaps={"gaps"}),
    "everything lost": Quirk({}, faults=((FAULT_S, "vanish intel-rapl:0"),), flags={"source_lost"}),
    "ambiguous wraps": Quirk({"range_uj": 60e6}, flags={"interval_lost", "degraded"}),
}


def lost_spans(trace):
    """(from, to) of the intervals whose energy is not known, s of the trace."""
    spans, last, broken = [], {}, set()
    for line in trace.read_text().splitlines():
        if line.startswith("#{"):
            event = json.loads(line[1:])
            if event.get("event") in ("counter_reset", "interval_lost"):
                broken.add(event["channel"])
        elif line[0].isdigit():
            time_s, _, _, channel, _, value = line.split(",")
            if value and channel in broken and channel in last:
                spans.append((last[channel], float(time_s)))
                broken.discard(channel)
            if value:
                last[channel] = float(time_s)
    return spans


class Outcome:
    """What one run said, and what was true."""

    def __init__(self, quirk, folder):
        self.quirk = quirk
        folder.mkdir()
        state = "idle"
        if quirk.loaded:
            state = "./light.json"
            (folder / "light.json").write_text(json.dumps({
                "format": "wattstep/state", "format_version": "1.0", "name": "light", "description": "a light load",
                "stressors": [{"stressor": "cpu", "workers": 1, "options": {"cpu-method": "matrixprod", "cpu-load": 10}}],
                "placement": "one-core", "expect": {"utilisation_pct": 10}}))
        (folder / "proc").mkdir()
        for name in ("stat", "cpuinfo", "meminfo", "version"):
            (folder / "proc" / name).write_text((pathlib.Path("/proc") / name).read_text())
        with PowercapNode(wattstep.BUILD, utilisation=0.5, noise_pct=0.3, **quirk.rig) as node:
            for _, command in [fault for fault in quirk.faults if fault[0] == 0]:
                node.command(command)
            process = subprocess.Popen(
                [str(wattstep.PROGRAM), "run", "--plan", "quick", "--meter", "rapl", "--sysfs", node.sysfs, "--procfs", "proc",
                 "-o", "p.json", "--trace", "t.csv", *quirk.options, state],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                self.make_faults(node, process, folder / "t.csv")
                self.out, self.err = process.communicate(timeout=RUN_LASTS_S)
            finally:
                process.kill()
                process.wait()
            truth = node.truth(until=time.monotonic())
        self.status = process.returncode
        self.document = json.loads((folder / "p.json").read_text())
        self.state, = self.document["states"]
        self.lost = lost_spans(folder / "t.csv")
        self.true_w = [self.truth_of(truth, zones) for zones in quirk.zones]
        self.analyzed = subprocess.run([str(wattstep.PROGRAM), "analyze", "--json", "t.csv"], cwd=folder, capture_output=True,
                                       text=True)

    def make_faults(self, node, process, trace):
        while not trace.exists() and process.poll() is None:
            time.sleep(0.05)
        began = time.monotonic()
        for at_s, command in self.quirk.faults:
            while process.poll() is None and time.monotonic() < began + at_s:
                time.sleep(0.05)
            if at_s and process.poll() is None:
                node.command(command)

    def truth_of(self, truth, zones):
        """True mean power over the seconds of the window that can be known, W."""
        if not zones or self.state["window"] is None:
            return None
        origin, second = self.document["run"]["monotonic_start_s"], 1.0
        start, end = self.state["window"]["start_s"], self.state["window"]["end_s"]
        seconds = [start + i for i in range(round(end - start))]
        known = [s for s in seconds if not any(a < s + second - 0.02 and b > s + 0.02 for a, b in self.lost)]
        if not known:
            return None
        return sum(truth.mean_w(zone, origin + s, origin + s + second) for zone in zones for s in known) / len(known)

    def power(self, quantity):
        return self.state["power"][quantity]


class Quirks(unittest.TestCase):
    """All runs; a test looks at those that concern it."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="wattstep-quirks-")
        cls.addClassCleanup(folder.cleanup)
        only = os.environ.get("WATTSTEP_QUIRKS")  # for whoever looks into one of them
        names = only.split(",") if only else list(QUIRKS)
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            cls.runs = {name: pool.submit(Outcome, QUIRKS[name], pathlib.Path(folder.name) / name) for name in names}

    def outcome(self, name):
        """A run whose document is whole and valid and has the flags that its quirk brings, and no others."""
        if name not in self.runs:
            self.skipTest("not asked for")
        outcome = self.runs[name].result()
        SCHEMA.validate(outcome.document)
        self.assertTrue(outcome.document["complete"], outcome.err)
        self.assertEqual(outcome.out, "", "log lines among the data")
        self.assertEqual(set(outcome.state["flags"]) - OF_THE_MACHINE - outcome.quirk.perhaps, outcome.quirk.flags, outcome.state)
        self.assertEqual(json.loads(outcome.analyzed.stdout)["states"], outcome.document["states"])
        return outcome

    def agrees(self, outcome, name, quantity, true_w):
        mean_w = outcome.power(quantity)["mean_w"]
        print(f"{name:26} {quantity:4} {mean_w:10.4f} W, true {true_w:10.4f} W ({mean_w / true_w - 1:+.4%})", flush=True)
        self.assertLessEqual(abs(mean_w / true_w - 1), ALLOWED, (name, outcome.state))
        self.assertIn(outcome.power(quantity)["verdict"], ("stable", "unstable"), name)

    def is_true(self, *names):
        """Both figures are those of the truth; a fault lies within the window."""
        for name in names:
            with self.subTest(name):
                outcome = self.outcome(name)
                for quantity, zones, true_w in zip(("cpu", "dram"), outcome.quirk.zones, outcome.true_w):
                    if zones:
                        self.agrees(outcome, name, quantity, true_w)
                    else:
                        self.assertFalse(outcome.state["power"].get(quantity))
                self.assertIn(outcome.state["verdict"], ("stable", "unstable"))
                self.assertEqual(outcome.status, 0 if outcome.state["verdict"] == "stable" else 10)

    def is_refused(self, name, quantity, verdict, reason):
        """The figure is refused by name, and not given as a number where there is none."""
        outcome = self.outcome(name)
        power = outcome.power(quantity)
        self.assertEqual((power["verdict"], power["reason"]), (verdict, reason), outcome.state)
        return outcome


    # Quirks that leave the energy knowable.

    def test_a_plain_socket(self):
        self.is_true("plain")

    def test_psys_and_mmio_and_what_lies_inside_a_package_are_never_added(self):
        self.is_true("psys", "mmio", "core and uncore")

    def test_without_dram_there_is_no_dram(self):
        self.is_true("no dram")

    def test_each_socket_counts_though_names_repeat(self):
        self.is_true("2 sockets", "4 sockets", "8 sockets")

    def test_mirrored_dies_count_once_and_real_dies_each(self):
        self.is_true("mirrored dies", "real dies")

    def test_wraps_change_nothing(self):
        self.is_true("tiny range", "start near the wrap", "AMD range")

    def test_coarse_steps_of_a_small_power_change_nothing(self):
        self.is_true("small power in coarse steps")

    def test_failures_that_pass_cost_no_energy(self):
        self.is_true("turns away and comes back", "EIO for a while", "dram EIO for a while", "garbled for a while",
                     "empty for a while")

    def test_a_reset_costs_one_interval(self):
        self.is_true("counter reset", "driver loaded again")
        lost = self.outcome("counter reset").lost
        self.assertGreaterEqual(len(lost), 3)
        self.assertLess(max(to_s - from_s for from_s, to_s in lost), 2.5)

    # Quirks that do not.

    def test_a_package_that_stands_still_is_stuck(self):
        for name in ("stuck package", "stuck for 4 s"):
            outcome = self.is_refused(name, "cpu", "invalid", "rapl_stuck")
            self.assertEqual((outcome.state["verdict"], outcome.state["reason"]), ("invalid", "rapl_stuck"))
            self.assertEqual(outcome.status, 11)
            self.agrees(outcome, name, "dram", outcome.true_w[1])

    def test_memory_that_stands_still_is_stuck_and_never_a_smaller_sum(self):
        for name in ("stuck dram", "one dram of two stuck"):
            outcome = self.is_refused(name, "dram", "invalid", "rapl_stuck")
            self.agrees(outcome, name, "cpu", outcome.true_w[0])

    def test_a_sum_without_one_of_its_packages_is_missing(self):
        outcome = self.is_refused("one package never read", "cpu", "insufficient", "missing")
        self.assertIsNone(outcome.power("cpu")["mean_w"])
        self.assertEqual(outcome.status, 12)

    def test_a_package_that_is_lost_for_good_is_missing(self):
        outcome = self.is_refused("package lost", "cpu", "insufficient", "missing")
        self.assertEqual(outcome.status, 12)
        self.agrees(outcome, "package lost", "dram", outcome.true_w[1])

    def test_a_node_without_any_zone_left_has_no_figures(self):
        outcome = self.is_refused("everything lost", "cpu", "insufficient", "missing")
        self.assertEqual(outcome.status, 12)

    def test_wraps_that_could_be_several_are_never_guessed(self):
        outcome = self.is_refused("ambiguous wraps", "cpu", "insufficient", "missing")
        self.assertIsNone(outcome.power("cpu")["mean_w"])


if __name__ == "__main__":
    wattstep.unittest.main()
