# SPDX-License-Identifier: GPL-3.0-or-later
"""`wattstep run` with bad input, bad surroundings, and signals: a clear word, the documented status, nothing left."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import wattstep  # noqa: E402


def powercap_tree(root, zones):
    """A dead powercap tree: {zone folder: {file: text}}."""
    for zone, files in zones.items():
        folder = root / "class/powercap" / zone
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text)
    return root


PACKAGE = {"name": "package-0\n", "energy_uj": "1000000\n", "max_energy_range_uj": "262143328850\n"}


class RunRefuses(wattstep.Case):
    def test_an_unknown_state_is_named_and_the_known_ones_are_listed(self):
        self.assert_refused(self.run_program("run", "--meter", "sim", "all-coers"), 2, "all-coers", "all-cores", "idle")

    def test_an_unknown_plan_is_named_and_the_known_ones_are_listed(self):
        self.assert_refused(self.run_program("run", "--meter", "sim", "--plan", "fast"), 2, "fast", "quick", "standard")

    def test_a_broken_plan_is_refused_by_line(self):
        (self.dir / "plan.json").write_text('{"format": "wattstep/plan",\n "name": }\n')
        self.assert_refused(self.run_program("run", "--meter", "sim", "--plan", "./plan.json"), 2, "plan.json", "line 2")

    def test_a_load_that_cannot_be_is_refused_by_pointer(self):
        (self.dir / "plan.json").write_text(json.dumps({
            "format": "wattstep/plan", "format_version": "1.0", "name": "p", "description": "d", "rule": "quick",
            "states": ["idle", {"name": "x", "description": "d", "stressors": [{"stressor": "cpu", "workers": 0}],
                                "placement": "all-threads", "expect": {"utilisation_pct": 100}}]}))
        self.assert_refused(self.run_program("run", "--meter", "sim", "--plan", "./plan.json"), 2,
                            "/states/1/stressors/0/workers")

    def test_an_unwritable_output_is_found_before_anything_is_measured(self):
        self.assert_refused(self.run_program("run", "--meter", "sim", "-o", "no/such/folder/p.json"), 1,
                            "no/such/folder/p.json", "No such file")
        self.assert_refused(self.run_program("run", "--meter", "sim", "-o", self.dir), 1, str(self.dir), "regular file")

    def test_an_unwritable_trace_or_truth_is_found_before_anything_is_measured(self):
        self.assert_refused(self.run_program("run", "--meter", "sim", "--trace", "no/such/t.csv"), 1, "no/such/t.csv")
        self.assert_refused(self.run_program("run", "--meter", "sim", "--sim-truth", "no/such/t.csv"), 1, "no/such/t.csv")

    def test_a_missing_stress_ng_is_named_with_the_way_to_get_it(self):
        self.assert_refused(self.run_program("run", "--meter", "sim", "--stress-ng", "/no/stress-ng", "all-cores"), 1,
                            "/no/stress-ng", "stress-ng")
        self.environment["PATH"] = str(self.dir)
        self.assert_refused(self.run_program("run", "--meter", "sim", "all-cores"), 1, "stress-ng", "install")

    def test_a_stress_ng_that_is_too_old_is_refused_with_both_versions(self):
        script = self.dir / "old-stress-ng"
        script.write_text("#!/bin/sh\necho 'stress-ng, version 0.05.23'\n")
        script.chmod(0o755)
        self.assert_refused(self.run_program("run", "--meter", "sim", "--stress-ng", script, "all-cores"), 1, "0.05.23", "0.12")

    def test_a_stress_ng_that_lacks_a_stressor_leaves_the_state_skipped(self):
        script = self.dir / "bare-stress-ng"
        script.write_text("#!/bin/sh\ncase $1 in --version) echo 'stress-ng, version 0.15.06 (gcc)';;"
                          " *) echo ' --timeout T'; echo ' --taskset L'; echo ' --temp-path P'; echo ' --yaml F';"
                          " echo ' --metrics';; esac\n")
        script.chmod(0o755)
        done = self.run_program("run", "--meter", "sim", "--stress-ng", script, "-o", "p.json", "all-cores")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("skipped", done.stderr)
        state = self.profile()["states"][0]
        self.assertEqual((state["verdict"], state["reason"]), ("skipped", "unsupported"))
        self.assertIn("cpu", state["reason_text"])
        self.assertEqual(self.run_program("validate", "p.json").returncode, 0)

    def test_a_load_that_ends_at_once_ends_the_run_with_what_it_said(self):
        script = self.dir / "dying-stress-ng"
        real = shutil.which("stress-ng")
        script.write_text(f"#!/bin/sh\ncase $1 in --version|--help) exec {real} $1;; esac\n"
                          "echo 'no room for the load today' >&2; exit 3\n")
        script.chmod(0o755)
        done = self.run_program("run", "--meter", "sim", "--stress-ng", script, "-o", "p.json", "all-cores")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no room for the load today", done.stderr)
        self.assertFalse(self.profile()["complete"])
        self.assert_nothing_left()


class RunLooksForSources(wattstep.Case):
    def test_without_a_source_it_ends_with_status_3_and_a_line_for_each(self):
        done = self.run_program("run", "--sysfs", self.dir / "none")
        self.assert_refused(done, 3, "rapl:", "modprobe", "--meter sim")
        self.assertEqual(list(self.dir.glob("*.json")), [])

    def test_an_empty_tree_is_told_from_a_missing_one(self):
        (self.dir / "class/powercap").mkdir(parents=True)
        self.assert_refused(self.run_program("run", "--sysfs", self.dir), 3, "rapl:")

    def test_missing_permission_is_told_from_a_missing_source_and_never_replaced_by_the_simulated_node(self):
        root = powercap_tree(self.dir / "sys", {"intel-rapl:0": PACKAGE})
        (root / "class/powercap/intel-rapl:0/energy_uj").chmod(0o400)
        self.dir.chmod(0o755)
        command = [str(wattstep.PROGRAM), "run", "--sysfs", str(root), "--sim-if-absent", "-o", "/dev/null/p.json"]
        done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all", *command]
                              if os.geteuid() == 0 else command, cwd="/", text=True, capture_output=True)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("root", done.stderr)
        self.assertIn("CAP_DAC_READ_SEARCH", done.stderr)

    def test_the_simulated_node_stands_in_only_when_told_and_says_so_loudly(self):
        done = self.run_program("run", "--sysfs", self.dir / "none", "--sim-if-absent", "--plan", "quick", "-o", "p.json",
                                "--sim", "resolution_w=1", "idle", timeout=180)
        self.assertIn(done.returncode, (0, 10, 11), done.stderr)
        self.assertIn("NOT A MEASUREMENT", done.stderr)
        self.assertTrue(self.profile()["synthetic"])
        self.assertIn("SYNTHETIC", self.run_program("show", "p.json").stdout)

    def test_a_tree_that_vanishes_in_mid_run_ends_the_state_in_time_and_is_told(self):
        root = powercap_tree(self.dir / "sys", {"intel-rapl:0": PACKAGE})
        process = self.start("run", "--plan", "quick", "--sysfs", root, "--procfs", "/proc", "-o", "p.json", "--trace",
                             "t.csv", "idle")
        self.wait_for(lambda: (self.dir / "t.csv").exists(), "the trace")
        shutil.rmtree(root)
        out, err = process.communicate(timeout=180)
        self.assertEqual(process.returncode, 12, err)
        state = self.profile()["states"][0]
        self.assertIn("source_lost", state["flags"])
        self.assertNotEqual(state["verdict"], "stable")
        self.assertIsNone(state["power"]["cpu"]["mean_w"])
        self.assertEqual(self.run_program("validate", "p.json").returncode, 0)


class RunIsInterrupted(wattstep.Case):
    def begin_second_state(self):
        """Starts a run and waits until its second state is being measured."""
        process = self.start("run", "--plan", "quick", "--meter", "sim", "--sim", "noise_pct=0", "-o", "p.json", "--trace",
                             "t.csv", "single-core", "all-cores")
        self.wait_for(lambda: (self.dir / "p.json").exists(), "the first state", timeout=150)
        self.wait_for(lambda: len(wattstep.processes_with(self.marker)) > 3, "the second load")
        return process

    def test_sigterm_in_mid_state_leaves_a_valid_document_and_no_load(self):
        process = self.begin_second_state()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130, err)
        self.assert_nothing_left()
        document = self.profile()
        self.assertFalse(document["complete"])
        self.assertEqual(document["states"][0]["name"], "single-core")
        self.assertIsNotNone(document["states"][0]["power"]["cpu"]["mean_w"])
        self.assertEqual(self.run_program("validate", "p.json").returncode, 0)

    def test_sigkill_in_mid_state_leaves_the_completed_state_and_no_load(self):
        process = self.begin_second_state()
        process.kill()
        process.communicate(timeout=20)
        self.assert_nothing_left()
        document = self.profile()
        self.assertFalse(document["complete"])
        self.assertEqual([s["name"] for s in document["states"]], ["single-core"])
        self.assertEqual(self.run_program("validate", "p.json").returncode, 0)
        analyzed = self.run_program("analyze", "--json", "t.csv")
        self.assertEqual(analyzed.returncode, 130, analyzed.stderr)
        self.assertEqual(json.loads(analyzed.stdout)["states"][0], document["states"][0])

    def test_sigint_in_the_first_state_leaves_what_was_read(self):
        process = self.start("run", "--plan", "quick", "--meter", "sim", "-o", "p.json", "--trace", "t.csv", "all-cores")
        self.wait_for(lambda: (self.dir / "t.csv").exists() and len(wattstep.processes_with(self.marker)) > 3, "the load")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130, err)
        self.assert_nothing_left()
        self.assertFalse(self.profile()["complete"])
        self.assertEqual(self.run_program("validate", "p.json").returncode, 0)

    def test_a_closed_terminal_ends_the_run_as_an_interrupt_does(self):
        process = self.start("run", "--plan", "quick", "--meter", "sim", "-o", "p.json", "all-cores")
        self.wait_for(lambda: len(wattstep.processes_with(self.marker)) > 3, "the load")
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        self.assert_nothing_left()

    def test_a_killed_worker_is_seen_and_the_state_is_invalid(self):
        process = self.start("run", "--plan", "quick", "--meter", "sim", "-o", "p.json", "--trace", "t.csv", "all-cores")
        self.wait_for(lambda: (self.dir / "t.csv").exists() and "state_began" in (self.dir / "t.csv").read_text() or
                      process.poll() is not None, "the state", timeout=90)
        workers = [pid for pid, line in wattstep.processes_with(self.marker) if "stress-ng" in line]
        os.kill(max(workers), signal.SIGKILL)
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 11, err)
        state = self.profile()["states"][0]
        self.assertEqual((state["verdict"], state["reason"]), ("invalid", "load_not_held"))
        self.assert_nothing_left()


if __name__ == "__main__":
    wattstep.unittest.main()
