# SPDX-License-Identifier: GPL-3.0-or-later
"""What wattstep costs, and how punctual it is, on an idle machine that nothing disturbs: one in virtual time.

Time goes on by one ns for each instruction, and idle time is skipped, so a minute takes seconds and no other
program on the host can make a tick late. What is measured is wattstep and the kernel below it, at the speed of a
slow core of today (10^9 instructions a second).
"""
import csv
import unittest

from case import Case, boot

SHIFT = 0  # one instruction per 2^0 ns

LATE_AT_MOST = 0.01  # share of the ticks that come over half a period late
JITTER_P99_AT_MOST_S = 200e-6  # of a tick's first reading against an even grid
OF_A_CORE_AT_MOST = 0.001  # at 1 Hz with four zones
PASS_AT_MOST_S = 200e-6  # CPU time of one sampling pass with all that belongs to it, at 1000 Hz

COMMAND = """set -e
insmod /vm/modules/node_power.ko packages=2
cp "$(command -v stress-ng)" /usr/local/bin/
run() {
	name=$1
	shift
	wattstep run -q --trace $name.csv -o $name.json "$@" >$name.log 2>&1
}
run sim --plan quick --meter sim --sim noise_pct=0 --rate 1000 idle idle
run rapl --plan quick --meter rapl --rate 1000 idle idle
run default --plan quick --meter rapl idle idle
"""


def visits(path):
    """For each visit the times (s) of the first reading of each tick."""
    first, times = None, {}
    with open(path, newline="") as lines:
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            first = first or row["channel"]
            if row["channel"] == first and row["state"]:
                times.setdefault(row["visit"], []).append(float(row["time_s"]))
    return list(times.values())


def jitter_s(times, period_s):
    """How far each tick is from an even grid through most of them, in s."""
    phases = sorted((t - times[0] + period_s / 2) % period_s for t in times)
    middle = phases[len(phases) // 2]
    return [abs(phase - middle) for phase in phases]


class Run:
    def __init__(self, case, name, period_s):
        self.profile = case.profile(f"{name}.json")
        self.visits = visits(case.done.folder / f"{name}.csv")
        self.ticks = sum(len(times) for times in self.visits)
        self.lasted_s = sum(times[-1] - times[0] for times in self.visits)
        self.missing = sum(round((times[-1] - times[0]) / period_s) + 1 - len(times) for times in self.visits)
        self.late = self.profile["run"]["overhead"]["late_ticks"] / self.ticks
        self.jitter_s = sorted(j for times in self.visits for j in jitter_s(times, period_s))
        self.p99_s = self.jitter_s[int(0.99 * self.ticks)]
        self.cpu_s = self.profile["run"]["overhead"]["cpu_s"]


class AnUndisturbedMachine(Case):
    @classmethod
    def setUpClass(cls):
        cls.done = boot(COMMAND, virtual_time=SHIFT)

    def runs(self):
        self.assertEqual(self.done.status, 0)
        return {"sim": Run(self, "sim", 0.001), "rapl": Run(self, "rapl", 0.001)}

    def test_at_1000_hz_hardly_a_tick_is_late_and_none_is_missing(self):
        for name, run in self.runs().items():
            print(f"{name}: {run.ticks} ticks in {run.lasted_s:.1f} s, {100 * run.late:.3f} % late, 99 of 100 within "
                  f"{1e6 * run.p99_s:.0f} us, the worst {1e6 * run.jitter_s[-1]:.0f} us", flush=True)
            self.assertGreaterEqual(run.lasted_s, 60, name)
            self.assertLessEqual(run.late, LATE_AT_MOST, name)
            self.assertLessEqual(run.p99_s, JITTER_P99_AT_MOST_S, name)
            self.assertEqual(run.missing, 0, name)

    def test_a_sampling_pass_is_short(self):
        for name, run in self.runs().items():
            print(f"{name}: {1e6 * run.cpu_s / run.ticks:.1f} us of CPU time for a tick, judging and writing included",
                  flush=True)
            self.assertLessEqual(run.cpu_s / run.ticks, PASS_AT_MOST_S, name)

    def test_at_1_hz_four_zones_cost_a_thousandth_of_a_core_at_most(self):
        self.assertEqual(self.done.status, 0)
        run = Run(self, "default", 1)
        print(f"at 1 Hz: {100 * run.cpu_s / run.lasted_s:.4f} % of a core, {1e6 * run.cpu_s / run.ticks:.0f} us a tick",
              flush=True)
        self.assertGreaterEqual(run.lasted_s, 60)
        self.assertLessEqual(run.cpu_s / run.lasted_s, OF_A_CORE_AT_MOST)


if __name__ == "__main__":
    unittest.main()
