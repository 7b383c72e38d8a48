# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan `quick` with the real stress-ng, powercap and a BMC, held against what the kernel module says is true.

The guest's time is virtual, at 2^5 ns for an instruction: idle time costs nothing, and a minute under load takes
less than one. What the counters count follows the load all the same. The counter of each package wraps on the way.
"""
import json
import unittest

from bmc import Bmc
from case import ROOT, TRUTH, WITH_BMC, Case, boot

SHIFT = 5
RANGE_J = 262143.328850
START_J = 258000  # packages draw 40 W or more, so they wrap after 100 s at the latest

COMMAND = WITH_BMC + f"""insmod /vm/modules/node_power.ko packages=2 start_j={START_J}
cp /usr/bin/stress-ng /usr/local/bin/
cat $(ldd /usr/bin/stress-ng | grep -o '/[^ ]*') >/dev/null
cp /vm/job/small-memory.json .
{TRUTH} 2 /dev/ttyS1 &
sleep 10
wattstep run --plan quick -q --trace t.csv -o p.json idle single-core all-cores ./small-memory.json >run.log 2>&1
status=$?
sleep 5
exit $status
"""


def small_memory():
    """The state `memory` for a guest that has a tenth of what it asks for on each core."""
    state = json.loads((ROOT / "workloads/states/memory.json").read_text())
    state["name"] = "small-memory"
    state["stressors"][0]["options"] = {"stream-l3-size": "4m"}
    return json.dumps(state)


class TheQuickPlan(Case):
    @classmethod
    def setUpClass(cls):
        with Bmc() as bmc:
            cls.done = boot(COMMAND, virtual_time=SHIFT, devices=bmc.devices(),
                            files={"small-memory.json": small_memory()})

    def test_every_state_is_stable(self):
        self.assertEqual(self.done.status, 0)
        states = self.profile()["states"]
        self.assertEqual([s["name"] for s in states], ["idle", "single-core", "all-cores", "small-memory"])
        self.assertEqual({s["verdict"] for s in states}, {"stable"})
        self.assertFalse(self.profile()["synthetic"])

    def test_energy_is_true_within_half_a_percent(self):
        for state in self.profile()["states"]:
            self.assert_energy_is_true(state, self.profile()["run"]["monotonic_start_s"])

    def test_both_packages_wrapped_on_the_way(self):
        truth = self.truth()
        for zone in truth.zones("package"):
            self.assertGreater(START_J + truth.rows[-1][zone], RANGE_J)
            self.assertLess(START_J + truth.rows[0][zone], RANGE_J)

    def test_the_bmc_s_power_is_true_within_a_percent_or_a_watt(self):
        start_s = self.profile()["run"]["monotonic_start_s"]
        for state in self.profile()["states"]:
            window, shown_w = state["window"], state["power"]["system"]["mean_w"]
            self.assertEqual(state["power"]["system"]["source"], ["dcmi/system"])
            true_w = self.truth().mean_w(["system"], start_s + window["start_s"], start_s + window["end_s"])
            with self.subTest(f"{state['name']}: {shown_w} W, true are {true_w:.3f} W"):
                self.assertLessEqual(abs(shown_w - true_w), max(0.01 * true_w, 1))


if __name__ == "__main__":
    unittest.main()
