# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs beside a management controller on a node whose power is known: what is learnt of it, and how true the whole
node's power is. Takes about eight minutes.

Nothing here depends on how idle the machine is: where another program runs, power changes, and so does its truth.
"""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import wattstep  # noqa: E402
from rigs.bmc_node import BmcNode  # noqa: E402
from rigs.powercap_node import PowercapNode  # noqa: E402

slow = True


def facts(channel, **changes):
    """A facts file of that channel."""
    values = {"update_period_s": 2.0, "lag_s": 1.0, "averaging_s": None, "resolution_w": 7.0, "reach_s": 1.2,
              "time_stamp": "other", **changes}
    return json.dumps({"format": "wattstep/bmc-facts", "format_version": "1.0", "channels": {channel: values}})


class Runs(wattstep.Case):
    def node(self, **bmc_options):
        """A node with a turbo window of 5 s (so the floor is 10 s) and the BMC that measures it."""
        node = PowercapNode(wattstep.BUILD, sockets=2, rest_w=60, time_window_us=5000000).__enter__()
        self.addCleanup(node.__exit__, None, None, None)
        bmc = BmcNode(wattstep.BUILD, node=node, **bmc_options).__enter__()
        self.addCleanup(bmc.__exit__, None, None, None)
        self.before |= {pid for pid, _ in wattstep.descendants()}
        self.environment |= {"WATTSTEP_BMC_USER": bmc.user, "WATTSTEP_BMC_PASSWORD": bmc.password}
        return node, bmc

    def measure(self, node, bmc, *options, timeout=900):
        done = self.run_program("run", "--sysfs", node.sysfs, "--bmc", bmc.host, "--ipmi-workarounds", "opensesspriv",
                                "--bmc-privilege", "admin", "-o", "p.json", *options, timeout=timeout)
        self.assertIn(done.returncode, (0, 10, 11), done.stderr)
        checked = self.run_program("validate", "p.json")
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assert_nothing_left()
        return done, self.profile()

    def assert_true_within(self, bmc, profile, watts, share):
        began_s = profile["run"]["monotonic_start_s"]
        for state in profile["states"]:
            system = state["power"]["system"]
            window = state["window"]
            truth = bmc.truth(began_s + window["end_s"]).mean_w(began_s + window["start_s"], began_s + window["end_s"])
            self.assertEqual(system["source"], ["dcmi/system"])
            self.assertLessEqual(abs(system["mean_w"] - truth), max(watts, share * truth), (state["name"], state["verdict"]))

    def test_a_bmc_is_learnt_before_the_states_and_its_power_is_true_within_a_watt_or_a_percent(self):
        node, bmc = self.node(period_s=2, lag_s=2, mean_s=2, step_w=1)
        plan = {"format": "wattstep/plan", "format_version": "1.0", "name": "two", "rule": "standard",
                "states": ["idle", "all-cores"]}
        (self.dir / "plan.json").write_text(json.dumps(plan))
        done, profile = self.measure(node, bmc, "--plan", "./plan.json", "--trace", "t.csv", "--bmc-facts", "facts.json")
        self.assertIn("dcmi/system: updates every 2", done.stderr)
        dcmi = next(m for m in profile["meters"] if m["id"] == "dcmi")
        self.assertTrue(dcmi["learnt"])
        self.assertAlmostEqual(dcmi["update_period_s"], 2, delta=0.4)
        self.assertAlmostEqual(dcmi["lag_s"], 3, delta=1)  # 2 s, and half of the mean
        self.assertEqual(profile["cross_check"]["learnt"]["resolution_w"], 1)
        self.assert_true_within(bmc, profile, 1, 0.01)
        for state in profile["states"]:
            self.assertAlmostEqual(state["cross_check"]["residual_w"], 60, delta=state["cross_check"]["u95_w"] + 1)

        again = json.loads(self.run_program("analyze", "--json", "t.csv").stdout)
        self.assertEqual((again["states"], again["cross_check"]), (profile["states"], profile["cross_check"]))

        kept = json.loads((self.dir / "facts.json").read_text())["channels"]["dcmi/system"]
        self.assertAlmostEqual(kept["update_period_s"], 2, delta=0.4)
        self.assertEqual(self.run_program("validate", "facts.json").returncode, 0)

    def test_facts_of_a_file_are_taken_and_idle_without_the_bmc_is_measured_beside(self):
        node, bmc = self.node(period_s=2, lag_s=1, mean_s=0, step_w=7)
        (self.dir / "facts.json").write_text(facts("dcmi/system"))
        done, profile = self.measure(node, bmc, "--plan", "quick", "--idle-ab", "--bmc-facts", "facts.json", "--trace",
                                     "t.csv", "idle")
        self.assertNotIn("learning", done.stderr)
        self.assertEqual([s["name"] for s in profile["states"]], ["idle-unpolled", "idle"])
        unpolled, idle = profile["states"]
        self.assertIsNone(unpolled["power"]["system"]["mean_w"])
        self.assertNotIn("source_lost", unpolled["flags"])
        self.assertEqual(idle["power"]["system"]["resolution_w"], 7)
        self.assertIsNotNone(idle["power"]["system"]["mean_w"])
        check = profile["cross_check"]
        difference = sum((idle["power"][s]["mean_w"] - unpolled["power"][s]["mean_w"]) for s in ("cpu", "dram"))
        self.assertAlmostEqual(check["dcmi_overhead_w"], difference, places=4)
        self.assertGreater(check["dcmi_overhead_u95_w"], 0)
        again = json.loads(self.run_program("analyze", "--json", "t.csv").stdout)
        self.assertEqual(again["states"], profile["states"])
        # The BMC was asked once when the state began, if at all.
        window = unpolled["window"]
        began_s = profile["run"]["monotonic_start_s"]
        asked = [t for t, _, _ in bmc.requests() if began_s + window["start_s"] < t < began_s + window["end_s"]]
        self.assertEqual(asked, [])


class Refusals(wattstep.Case):
    def test_facts_that_are_none_are_refused_before_anything_is_measured(self):
        for text, words in (("{", "facts.json"), ("{}", "format"),
                            (facts("sim/system", update_period_s=-2), "/channels/sim~1system/update_period_s"),
                            (facts("sim/system", reach_s=0.5), "/channels/sim/system/reach_s"),
                            (facts("dcmi/system"), "sim/system")):
            (self.dir / "facts.json").write_text(text)
            done = self.run_program("run", "--meter", "sim", "--bmc-facts", "facts.json", "-o", "p.json")
            self.assert_refused(done, 2, words)
            self.assertFalse((self.dir / "p.json").exists())
