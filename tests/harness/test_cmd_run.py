# SPDX-License-Identifier: GPL-3.0-or-later
"""`wattstep run` with bad input, bad surroundings, and signals: a clear word, the documented status, nothing left."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import wattstep  # noqa: E402
from rigs.powercap_node import PowercapNode  # noqa: E402


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
        self.assertFalse((self.dir / "p.json").exists(), "nothing was measured, so nothing is written")
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
        command = [str(wattstep.PROGRAM), "run", "--sysfs", str(root), "--sim-if-absent", "-o", "-"]
        done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all", *command]
                              if os.geteuid() == 0 else command, cwd="/", text=True, capture_output=True)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("root", done.stderr)
        self.assertIn("CAP_DAC_READ_SEARCH", done.stderr)

    def test_the_simulated_node_stands_in_only_when_told_and_says_so_loudly(self):
        process = self.start("run", "--sysfs", self.dir / "none", "--sim-if-absent", "-o", "p.json", "--trace", "t.csv", "idle")
        self.wait_for(lambda: (self.dir / "t.csv").exists(), "the trace")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        self.assertIn("NOT A MEASUREMENT", err)
        self.assertTrue(self.profile()["synthetic"])
        self.assertIn("SYNTHETIC", self.run_program("show", "p.json").stdout)

    def test_zones_that_vanish_in_mid_run_end_the_state_in_time_and_are_told(self):
        with PowercapNode(wattstep.BUILD, sockets=1) as node:
            process = self.start("run", "--plan", "quick", "--sysfs", node.sysfs, "-o", "p.json", "--trace", "t.csv", "idle")
            self.wait_for(lambda: (self.dir / "t.csv").exists(), "the trace")
            node.command("vanish intel-rapl:0")
            out, err = process.communicate(timeout=80)
        self.assertEqual(process.returncode, 12, err)
        state = self.profile()["states"][0]
        self.assertIn("source_lost", state["flags"])
        self.assertNotEqual(state["verdict"], "stable")
        self.assertIsNone(state["power"]["cpu"]["mean_w"])
        self.assertIn("rapl", " ".join(self.profile()["run"]["warnings"]))
        self.assertEqual(self.run_program("validate", "p.json").returncode, 0)


class RunIsInterrupted(wattstep.Case):
    def begin(self, *states, source=("--meter", "sim")):
        """Starts a run and waits until its first load is being measured."""
        process = self.start("run", "--plan", "quick", *source, "-o", "p.json", "--trace", "t.csv", *states)
        self.wait_for(lambda: len(self.workers()) >= 2, "the load")
        return process

    def interrupt(self, number):
        process = self.begin("all-cores")
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130, err)
        self.assert_nothing_left()
        self.assertFalse(self.profile()["complete"])
        self.assertEqual(self.run_program("validate", "p.json").returncode, 0)
        analyzed = self.run_program("analyze", "--json", "t.csv")
        self.assertEqual(analyzed.returncode, 130 if self.profile()["states"] else 2, analyzed.stderr)

    def test_ctrl_c_leaves_a_valid_document_and_no_load(self):
        self.interrupt(signal.SIGINT)

    def test_sigterm_leaves_a_valid_document_and_no_load(self):
        self.interrupt(signal.SIGTERM)

    def test_a_closed_terminal_ends_the_run_as_an_interrupt_does(self):
        self.interrupt(signal.SIGHUP)

    def test_sigkill_leaves_the_completed_state_and_no_load(self):
        with PowercapNode(wattstep.BUILD, sockets=1) as node:
            process = self.begin("single-core", "all-cores", source=("--sysfs", node.sysfs))
            self.wait_for(lambda: (self.dir / "p.json").exists(), "the first state", timeout=150)
            self.wait_for(lambda: len(self.workers()) >= 3, "the second load")
            process.kill()
            process.wait(timeout=20)
            self.before.add(node.rig.pid)
            self.assert_nothing_left()
        document = self.profile()
        self.assertFalse(document["complete"])
        self.assertEqual([s["name"] for s in document["states"]], ["single-core"])
        self.assertEqual(self.run_program("validate", "p.json").returncode, 0)
        analyzed = self.run_program("analyze", "--json", "t.csv")
        self.assertEqual(analyzed.returncode, 130, analyzed.stderr)
        self.assertEqual(json.loads(analyzed.stdout)["states"][0], document["states"][0])

    def test_a_killed_worker_is_seen_and_the_state_is_invalid(self):
        process = self.start("run", "--plan", "quick", "--meter", "sim", "-o", "p.json", "all-cores")
        # A state is being measured once all workers are there and its CPUs are busy: after some seconds.
        self.wait_for(lambda: len(self.workers()) >= 3, "the load")
        time.sleep(8)
        os.kill(max(self.workers()), signal.SIGKILL)
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 11, err)
        state = self.profile()["states"][0]
        self.assertEqual((state["verdict"], state["reason"]), ("invalid", "load_not_held"))
        self.assert_nothing_left()


class RunWrites(wattstep.Case):
    def test_a_tag_of_any_characters_is_the_same_in_the_document(self):
        said = 'rack "7", row \\2 \u2713 {"a": 1}'
        process = self.start("run", "--plan", "quick", "--meter", "sim", "-o", "p.json", "--tag", "said=" + said, "idle")
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        self.assertEqual((process.returncode, out), (130, ""), err)
        self.assertEqual(self.profile()["run"]["tags"], {"said": said})


class RunSamples(wattstep.Case):
    def test_at_1_khz_every_tick_is_read_or_counted_as_late(self):
        process = self.start("run", "--plan", "quick", "--meter", "sim", "--rate", "1000", "-o", "p.json", "--trace", "t.csv",
                             "idle")
        time.sleep(6)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130, err)
        times = [float(line.split(",")[0]) for line in (self.dir / "t.csv").read_text().splitlines()
                 if ",sim/package-0," in line and not line.startswith("#")]
        ticks = (times[-1] - times[0]) * 1000
        read, late = len(times), self.profile()["run"]["overhead"]["late_ticks"]
        print(f"{read} of {ticks:.0f} ticks read, {late} late")
        self.assertGreater(ticks, 1000)
        self.assertGreaterEqual(read + late, 0.99 * ticks)

    def test_the_profile_can_go_to_standard_output_at_the_end(self):
        process = self.start("run", "--plan", "quick", "--meter", "sim", "-q", "-o", "-", "idle")
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        self.assertFalse(json.loads(out)["complete"])
        self.assertIn("crash", err)
        self.assertEqual(list(self.dir.glob("*.json")), [])


if __name__ == "__main__":
    wattstep.unittest.main()
