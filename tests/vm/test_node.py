# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens on nodes: nobody is root, the driver is loaded again, the program is stopped for a while, stress-ng is not
there; and perf, which reads the same counters by another way. The guest's time is virtual.
"""
import re
import unittest

from case import TRUTH, Case, boot

SHIFT = 2

COMMAND = f"""insmod /vm/modules/node_power.ko packages=1
{TRUTH} 2 &
sleep 3

nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
mkdir theirs && chown 65534 theirs && cd theirs
$nobody wattstep run --plan quick -q -o forbidden.json idle >forbidden.log 2>&1
echo $? >forbidden.status
$nobody wattstep meters >forbidden.meters 2>&1
$nobody --inh-caps +dac_read_search --ambient-caps +dac_read_search \\
	wattstep run --plan quick -q -o allowed.json idle >allowed.log 2>&1
echo $? >allowed.status
$nobody wattstep run --plan quick --meter perf -q -o unperf.json idle >unperf.log 2>&1
echo $? >unperf.status
echo 2 >/proc/sys/kernel/perf_event_paranoid # at 3, where Debian begins, its kernel refuses all but root
$nobody --inh-caps +perfmon --ambient-caps +perfmon \\
	wattstep run --plan quick --meter perf -q -o perfmon.json idle >perfmon.log 2>&1
echo $? >perfmon.status
cp ./* ..
cd ..
wattstep run --plan quick --meter rapl,perf -q -o both.json idle >both.log 2>&1
echo $? >both.status

zones=/sys/class/powercap/intel-rapl:0
cut -d " " -f 1 /proc/uptime >before
cat $zones/energy_uj $zones:0/energy_uj >>before
perf stat -x, -a -e power/energy-pkg/,power/energy-ram/ sleep 60 2>perf.csv
cut -d " " -f 1 /proc/uptime >after
cat $zones/energy_uj $zones:0/energy_uj >>after

wattstep run --plan quick -q --trace reset.csv -o reset.json idle >reset.log 2>&1 &
sleep 18
rmmod node_power
sleep 2
insmod /vm/modules/node_power.ko packages=1
wait $!
echo $? >reset.status

wattstep run --plan quick -q --trace stopped.csv -o stopped.json idle >stopped.log 2>&1 &
run=$!
sleep 18
kill -STOP $run
sleep 45
kill -CONT $run
wait $run
echo $? >stopped.status

rmmod node_power
insmod /vm/modules/node_power.ko packages=1 powercap=N
wattstep run --plan quick -q -o alone.json idle >alone.log 2>&1
echo $? >alone.status

PATH=/usr/local/bin wattstep run --plan quick -q -o bare.json idle all-cores >bare.log 2>&1
echo $? >bare.status
"""


class ANode(Case):
    @classmethod
    def setUpClass(cls):
        cls.done = boot(COMMAND, virtual_time=SHIFT)

    def status(self, name):
        return int(self.file(f"{name}.status"))

    def test_an_unprivileged_user_is_told_what_is_missing(self):
        self.assertEqual(self.status("forbidden"), 3)
        self.assertRegex(self.file("forbidden.log"), "energy_uj may be read by root alone.*CAP_DAC_READ_SEARCH")
        self.assertRegex(self.file("forbidden.meters"), r"rapl: .*\n  not usable \(forbidden\)")
        self.assertFalse((self.done.folder / "forbidden.json").exists())

    def test_one_capability_is_enough(self):
        self.assertEqual(self.status("allowed"), 0, self.file("allowed.log"))
        profile = self.profile("allowed.json")
        # That it reads the energy, not how well: test_quick.py does that.
        self.assert_energy_is_true(profile["states"][0], profile["run"]["monotonic_start_s"], allowed=0.02)

    def test_perf_asks_for_a_capability_of_its_own(self):
        self.assertEqual(self.status("unperf"), 3)
        self.assertRegex(self.file("unperf.log"), "CAP_PERFMON.*perf_event_paranoid")
        self.assertEqual(self.status("perfmon"), 0, self.file("perfmon.log"))
        profile = self.profile("perfmon.json")
        self.assert_energy_is_true(profile["states"][0], profile["run"]["monotonic_start_s"])

    def test_powercap_and_perf_side_by_side_agree_and_are_not_added(self):
        self.assertEqual(self.status("both"), 0, self.file("both.log"))
        power = self.profile("both.json")["states"][0]["power"]
        self.assertEqual(power["cpu"]["source"], ["rapl/package-0"])
        for zone in ("package-0", "dram-0"):
            # The unit that powercap reckons with, 61035 nJ, is 2^-14 J rounded.
            self.assertAlmostEqual(power[f"rapl/{zone}"]["mean_w"] / power[f"perf/{zone}"]["mean_w"], 1, delta=1e-3)

    def test_perf_takes_the_place_of_powercap_where_there_is_none(self):
        self.assertEqual(self.status("alone"), 0, self.file("alone.log"))
        self.assertEqual([m["id"] for m in self.profile("alone.json")["meters"]], ["perf"])
        self.assertEqual(self.profile("alone.json")["states"][0]["power"]["cpu"]["source"], ["perf/package-0"])

    def test_the_program_perf_counts_what_powercap_counts(self):
        before, after = (list(map(float, self.file(name).split())) for name in ("before", "after"))
        lasted_s, *powercap_uj = (end - start for start, end in zip(before, after))
        rows = [line.split(",") for line in self.file("perf.csv").splitlines() if ",Joules," in line]
        self.assertEqual(len(rows), 2, self.file("perf.csv"))
        for energy_uj, (joules, _, event, counted_ns, *_) in zip(powercap_uj, rows):
            # At rest, but perf starts and ends within the span of the others.
            self.assertAlmostEqual(float(joules) / float(counted_ns) * 1e9 / (energy_uj / 1e6 / lasted_s), 1, delta=0.03, msg=event)

    def test_a_driver_that_is_loaded_again_is_a_reset_and_not_a_wrap(self):
        self.assertEqual(self.status("reset"), 0, self.file("reset.log"))
        state = self.profile("reset.json")["states"][0]
        self.assertEqual(state["verdict"], "stable")
        self.assertEqual(set(re.findall(r"counter_reset", self.file("reset.csv"))),
                         {"counter_reset"})
        self.assertLess(abs(state["power"]["cpu"]["mean_w"] / 40 - 1), 0.02)  # what an idle package draws by the law

    def test_45_s_without_the_processor_begin_the_window_anew(self):
        self.assertEqual(self.status("stopped"), 0, self.file("stopped.log"))
        state = self.profile("stopped.json")["states"][0]
        self.assertEqual(state["verdict"], "stable")
        self.assertGreater(state["window"]["start_s"] - state["began_s"], 18 + 45 - 5)

    def test_without_stress_ng_the_message_says_so(self):
        self.assertEqual(self.status("bare"), 1)
        self.assertRegex(self.file("bare.log"), "stress-ng")


if __name__ == "__main__":
    unittest.main()
