# SPDX-License-Identifier: GPL-3.0-or-later
"""Two packages in the host's own time: a CPU is unplugged in mid-run."""
import unittest

from case import TRUTH, Case, boot

COMMAND = f"""insmod /vm/modules/node_power.ko
cp /usr/bin/stress-ng /usr/local/bin/
{TRUTH} 1 &
sleep 3
wattstep meters >meters.log 2>&1

wattstep run --plan quick --meter rapl -q --trace unplug.csv -o unplug.json all-cores >unplug.log 2>&1 &
sleep 25
echo 0 >/sys/devices/system/cpu/cpu1/online
wait $!
echo $? >unplug.status
pgrep stress-ng >left
sleep 2
"""


class TwoPackages(Case):
    @classmethod
    def setUpClass(cls):
        cls.done = boot(COMMAND, cpus=2)

    def test_both_packages_are_found(self):
        self.assertIn("rapl/dram-1", self.file("meters.log"))

    def test_a_state_that_loses_a_cpu_is_not_that_state_any_more(self):
        profile = self.profile("unplug.json")
        state = profile["states"][0]
        self.assertEqual(self.file("unplug.status"), "11\n", self.file("unplug.log"))
        self.assertEqual((state["verdict"], state["reason"]), ("invalid", "load_not_held"))
        self.assertEqual(self.file("left"), "", "stress-ng runs on")
        self.assert_energy_is_true(state, profile["run"]["monotonic_start_s"])


if __name__ == "__main__":
    unittest.main()
