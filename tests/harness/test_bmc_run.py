# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs beside a management controller on a node whose power is known: what is learnt of it, and how true the whole
node's power is. Takes about six minutes.

Nothing here depends on how idle the machine is: where another program runs, power changes, and so does its truth.
"""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import wattstep  # noqa: E402
from rigs.bmc_case import BmcNodeCase  # noqa: E402

slow = True


class Runs(BmcNodeCase):
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
