# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of a management controller from a file, and idle without asking it. Takes about three minutes."""
import json
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import wattstep  # noqa: E402
from rigs.bmc_case import BmcNodeCase  # noqa: E402

slow = True


def facts(channel, **changes):
    """A facts file of that channel."""
    values = {"update_period_s": 2.0, "lag_s": 1.0, "averaging_s": None, "resolution_w": 7.0, "reach_s": 1.2,
              "time_stamp": "other", **changes}
    return json.dumps({"format": "wattstep/bmc-facts", "format_version": "1.0", "channels": {channel: values}})


class Runs(BmcNodeCase):
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
        if "invalid" in (unpolled["verdict"], idle["verdict"]):  # another program ran: that is no idle
            self.assertIsNone(check["dcmi_overhead_w"])
        else:
            difference = sum(idle["power"][s]["mean_w"] - unpolled["power"][s]["mean_w"] for s in ("cpu", "dram"))
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


class Learning(wattstep.Case):
    def test_ctrl_c_while_a_slow_source_is_learnt_is_an_interrupted_run(self):
        process = self.start("run", "--plan", "standard", "--meter", "sim", "-o", "p.json")
        self.wait_for(self.workers, "the load")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual((self.profile()["complete"], self.profile()["states"]), (False, []))
        self.assertEqual(self.run_program("validate", "p.json").returncode, 0)
        self.assert_nothing_left()
