# SPDX-License-Identifier: GPL-3.0-or-later
"""/dev/ipmi0 missing, and a BMC behind it that is faulty in every way that ipmi-dcmi has a word for; then one that
hangs for 70 s in mid-run, and one that is reset and needs 5 s to start. The guest's time is virtual; ipmi-dcmi runs beside wattstep.
"""
import re
import unittest

from bmc import Bmc
from case import TRUTH, WITH_BMC, Case, boot

SHIFT = 2
WATTS = 187

# What the BMC does; what ipmi-dcmi says of it, and what wattstep says.
MODES = {
    "normal": (f"Current Power                        : {WATTS} Watts", f"Current Power                         : {WATTS} Watts"),
    "code 0xc1": ("command invalid or unsupported", "absent.*does not have this command.*0xC1"),
    "code 0xc0": ("BMC busy", "busy.*0xC0"),
    "code 0xd4": ("privilege level insufficient", "forbidden.*0xD4"),
    "short": ("internal IPMI error", "garbled"),
    "other-group": (f": {WATTS} Watts", "garbled: of group 0xDD, expected 0xDC"),  # ipmi-dcmi does not look
    "inactive": ("Not Available", f": {WATTS} Watts"),
    "silent": ("message timeout", "did not get it done in time"),
}

COMMAND = "wattstep meters >missing 2>&1\n" + WITH_BMC + f"""insmod /vm/modules/node_power.ko packages=2
exec 3<>/dev/ttyS1
bmc() {{ # the BMC has understood when it answers
	echo "$*" >&3
	read -r reply <&3
}}
echo "watts {WATTS} $(date +%s)" >&3
for mode in {' '.join(f'"{mode}"' for mode in MODES)}; do
	bmc "$mode"
	wattstep meters >"wattstep $mode" 2>&1
	ipmi-dcmi --get-system-power-statistics >"ipmi-dcmi $mode" 2>&1
done
bmc normal
{TRUTH} 2 /dev/ttyS1 &
sleep 5
run() {{ # NAME MODE SECONDS: the BMC does that for so long, 25 s after the run's beginning
	wattstep run --plan quick --meter rapl,dcmi -q --trace $1.csv -o $1.json idle >$1.log 2>&1 &
	sleep 25
	bmc $2
	sleep $3
	bmc normal
	wait $!
	echo $? >$1.status
}}
run hang silent 70
sleep 10
run reset reset 5
sleep 1
for process in /proc/[0-9]*; do
	cat $process/comm 2>/dev/null
done >left
"""


class ABmc(Case):
    @classmethod
    def setUpClass(cls):
        with Bmc() as bmc:
            cls.done = boot(COMMAND, virtual_time=SHIFT, devices=bmc.devices())

    def test_a_missing_device_is_called_absent_with_a_way_to_get_it(self):
        self.assertRegex(self.file("missing"), r"dcmi: .*\n  not usable \(absent\): /dev/ipmi0 does not exist.*modprobe ipmi_devintf")

    def test_each_fault_has_its_word_beside_that_of_ipmi_dcmi(self):
        for mode, (theirs, ours) in MODES.items():
            with self.subTest(mode):
                said = re.search(r"^dcmi: .*?^ipmi: ", self.file(f"wattstep {mode}"), re.M | re.S)
                self.assertIn(theirs, self.file(f"ipmi-dcmi {mode}"))
                self.assertRegex(said[0], ours)

    def test_a_bmc_that_hangs_for_70_s_holds_up_nothing(self):
        self.assertEqual(self.file("hang.status"), "12\n", "a source was lost on the way")
        profile = self.profile("hang.json")
        state = profile["states"][0]
        self.assertEqual(state["verdict"], "stable")
        self.assertIn("source_lost", state["flags"])
        self.assertIsNone(state["power"].get("system", {}).get("mean_w"))
        self.assert_energy_is_true(state, profile["run"]["monotonic_start_s"])
        self.assertNotIn("wattstep", self.file("left").split())

    def test_a_bmc_that_is_reset_is_read_on_when_it_is_back(self):
        self.assertEqual(self.file("reset.status"), "0\n", self.file("reset.log"))
        profile = self.profile("reset.json")
        state = profile["states"][0]
        self.assertEqual(state["verdict"], "stable")
        self.assertIn("the BMC is starting", self.file("reset.log"))
        start_s, window = profile["run"]["monotonic_start_s"], state["window"]
        true_w = self.truth().mean_w(["system"], start_s + window["start_s"], start_s + window["end_s"])
        self.assertLessEqual(abs(state["power"]["system"]["mean_w"] - true_w), max(0.01 * true_w, 1))


if __name__ == "__main__":
    unittest.main()
