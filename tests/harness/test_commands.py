# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that measure nothing: meters, states, analyze, show, validate; and what all commands share."""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import wattstep  # noqa: E402
from rigs.powercap_node import PowercapNode  # noqa: E402


def bare_trace(seconds, watts, channel="rapl/package-0", state="all-cores"):
    rows = [f"{t}.000000,{state},{channel},J,{watts * t:.6f}" for t in range(seconds + 1)]
    return "time_s,state,channel,unit,value\n" + "\n".join(rows) + "\n"


class Analyze(wattstep.Case):
    def analyze(self, text, *options):
        (self.dir / "t.csv").write_text(text)
        done = self.run_program("analyze", *options, "--json", "t.csv")
        return done.returncode, json.loads(done.stdout)["states"] if done.stdout else done.stderr

    def test_a_bare_trace_is_judged_by_the_standard_rule(self):
        status, (state,) = self.analyze(bare_trace(240, 95))
        self.assertEqual(status, 0)
        self.assertEqual((state["verdict"], state["power"]["cpu"]["mean_w"]), ("stable", 95))
        self.assertEqual(state["power"]["cpu"]["source"], ["rapl/package-0"])
        self.assertGreaterEqual(state["settle_s"], 56)

    def test_rows_behind_the_verdict_are_no_lost_source(self):
        status, (state,) = self.analyze(bare_trace(600, 95))
        self.assertEqual((status, state["flags"]), (0, []))

    def test_a_trace_that_is_too_short_is_insufficient(self):
        status, (state,) = self.analyze(bare_trace(60, 95))
        self.assertEqual((status, state["verdict"], state["reason"]), (10, "insufficient", "short"))

    def test_standard_input_is_read(self):
        done = subprocess.run([str(wattstep.PROGRAM), "analyze", "-"], input=bare_trace(240, 95), text=True,
                              capture_output=True, cwd=self.dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("95.00", done.stdout)

    def test_a_calibration_moves_the_figures_and_widens_u95(self):
        (self.dir / "c.json").write_text(json.dumps({
            "format": "wattstep/calibration", "format_version": "1.0",
            "channels": {"rapl/package-0": {"gain": 1.02, "offset_w": 0.5, "u_gain": 0.01, "u_offset_w": 0.2}}}))
        status, (state,) = self.analyze(bare_trace(240, 100), "--calibration", "c.json")
        cpu = state["power"]["cpu"]
        self.assertAlmostEqual(cpu["mean_w"], 102.5, places=5)
        self.assertAlmostEqual(cpu["u95_w"], 2 * (1.0 ** 2 + 0.2 ** 2) ** 0.5, places=4)
        (self.dir / "c.json").write_text(json.dumps({
            "format": "wattstep/calibration", "format_version": "1.0",
            "channels": {"rapl/package-7": {"u_gain": 0.01, "u_offset_w": 0.2}}}))
        status, message = self.analyze(bare_trace(240, 100), "--calibration", "c.json")
        self.assertEqual(status, 2)
        self.assertIn("rapl/package-7", message)

    def test_what_is_no_trace_is_refused_with_status_2(self):
        self.assert_refused(self.run_program("analyze", "no.csv"), 2, "no.csv", "No such file")
        (self.dir / "t.csv").write_bytes(bytes(range(256)))
        self.assert_refused(self.run_program("analyze", "t.csv"), 2, "t.csv", "line 1")


class Meters(wattstep.Case):
    def test_zones_of_a_live_tree_are_listed_with_their_scope(self):
        with PowercapNode(wattstep.BUILD, sockets=2, psys=True, mmio=True, core=True) as node:
            done = self.run_program("meters", "--sysfs", node.sysfs)
            as_json = json.loads(self.run_program("meters", "--json", "--sysfs", node.sysfs).stdout)
        self.assertEqual(done.returncode, 0)
        rapl = next(m for m in as_json["meters"] if m["id"] == "rapl")
        self.assertEqual(sorted(c["id"] for c in rapl["channels"]),
                         ["rapl/core-0", "rapl/core-1", "rapl/dram-0", "rapl/dram-1", "rapl/package-0", "rapl/package-1",
                          "rapl/psys"])
        for channel in rapl["channels"]:
            self.assertIn(channel["id"], done.stdout)
        self.assertIn("mmio", json.dumps(rapl["ignored"]))

    def test_without_a_source_the_status_is_3_and_the_reason_is_told(self):
        done = self.run_program("meters", "--sysfs", self.dir)
        self.assertEqual(done.returncode, 3)
        self.assertIn("modprobe", done.stdout)

    def test_a_wrong_parameter_of_the_simulated_node_is_status_2(self):
        self.assert_refused(self.run_program("meters", "--sim", "colour=1"), 2, "colour", "idle_w")


class States(wattstep.Case):
    def test_each_state_is_listed_with_the_command_that_stress_ng_accepts(self):
        listing = json.loads(self.run_program("states", "--json").stdout)
        self.assertEqual([s["name"] for s in listing], ["idle", "single-core", "all-cores", "all-threads", "memory", "idle-unpolled"])
        for state in listing:
            if not state["command"]:
                continue  # idle
            command = state["command"].replace("/tmp/wattstep-XXXXXX", str(self.dir)) + " --dry-run"
            done = subprocess.run(command, shell=True, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_file_can_be_a_state(self):
        source = wattstep.ROOT / "workloads/states/idle.json"
        (self.dir / "mine.json").write_text(source.read_text().replace('"idle"', '"resting"'))
        self.assertIn("resting", self.run_program("states", "mine.json").stdout)


class Shared(wattstep.Case):
    def test_every_command_has_help_and_a_version(self):
        for command in ("run", "meters", "states", "analyze", "show", "validate"):
            done = self.run_program(command, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(f"Usage: wattstep {command}", done.stdout)
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 110)
            self.assertEqual(self.run_program(command, "--version").stdout, self.run_program("--version").stdout)

    def test_unknown_words_are_status_2_and_name_the_way_on(self):
        self.assert_refused(self.run_program("measure"), 2, "measure", "--help")
        self.assert_refused(self.run_program("run", "--colour"), 2, "--colour", "--help")
        self.assert_refused(self.run_program("run", "--rate", "fast"), 2, "--rate", "0.5", "1000", "fast")
        self.assert_refused(self.run_program("run", "--tag", "alone"), 2, "KEY=VALUE", "alone")
        self.assert_refused(self.run_program("run", "--meter", "rapl,wall"), 2, "wall", "rapl", "sim")
        self.assert_refused(self.run_program("show"), 2, "PROFILE")
        self.assert_refused(self.run_program("show", "a", "b"), 2, "b")

    def test_errors_are_json_where_json_is_asked_for(self):
        done = self.run_program("show", "--json", "no.json")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        error = json.loads(done.stderr)["error"]
        self.assertEqual((error["kind"], error["status"], error["command"]), ("input", 2, "show"))

    def test_a_full_standard_output_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([str(wattstep.PROGRAM), "states"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)

    def test_documents_of_a_higher_minor_version_are_read_and_of_another_major_are_not(self):
        state = json.loads((wattstep.ROOT / "workloads/states/idle.json").read_text())
        for version, status in (("1.7", 0), ("2.0", 2)):
            (self.dir / "s.json").write_text(json.dumps({**state, "format_version": version, "future": True}))
            self.assertEqual(self.run_program("validate", "s.json").returncode, status)


if __name__ == "__main__":
    wattstep.unittest.main()
