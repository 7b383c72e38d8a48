# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated node does what other tests take for granted."""
import contextlib
import errno
import importlib.util
import math
import os
import pathlib
import signal
import stat
import subprocess
import time
import unittest

spec = importlib.util.spec_from_file_location("powercap_node", pathlib.Path(__file__).with_name("powercap_node.py"))
powercap_node = importlib.util.module_from_spec(spec)
spec.loader.exec_module(powercap_node)

BUILD = os.environ["WATTSTEP_BUILD"]
PACKAGE = "intel-rapl:0"
STEP_S = 0.001  # counters move this often


def node(**options):
    return powercap_node.PowercapNode(BUILD, **options)


def number(path):
    return int(path.read_text())


def energy(rig, folder=PACKAGE):
    return number(rig.zone(folder) / "energy_uj")


def timed_energy(rig, folder=PACKAGE):
    """(earliest, latest, uJ): the counter was read between these times."""
    before = time.monotonic()
    value = energy(rig, folder)
    return before, time.monotonic(), value


def truth_covering(rig, t):
    while True:
        truth = rig.truth()
        if truth.times[truth.channels()[0]][-1] > t:
            return truth
        time.sleep(0.05)


def busy_share():
    """Busy and total ticks of the whole machine, without stolen time."""
    values = [int(v) for v in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return sum(values[:3]) + sum(values[5:7]), sum(values[:7])


@contextlib.contextmanager
def busy_processors(n):
    loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(n)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


class TheTree(unittest.TestCase):
    def test_it_is_like_the_kernel_s(self):
        with node(sockets=2, core=True, psys=True, mmio=True) as rig:
            folders = sorted(p.name for p in (pathlib.Path(rig.sysfs) / "class/powercap").iterdir())
            self.assertEqual(folders, ["intel-rapl", "intel-rapl-mmio", "intel-rapl-mmio:0", "intel-rapl:0",
                                       "intel-rapl:0:0", "intel-rapl:0:1", "intel-rapl:1", "intel-rapl:1:0",
                                       "intel-rapl:1:1", "intel-rapl:2"])
            names = [(rig.zone(f) / "name").read_text() for f in ("intel-rapl:1", "intel-rapl:1:0", "intel-rapl:1:1",
                                                                  "intel-rapl:2", "intel-rapl-mmio:0")]
            self.assertEqual(names, ["package-1\n", "core\n", "dram\n", "psys\n", "package-0\n"])
            self.assertTrue(rig.zone("intel-rapl:1:1").is_symlink())
            self.assertEqual((rig.zone("intel-rapl:1:1") / "device" / "name").read_text(), "package-1\n")
            self.assertEqual(number(rig.zone(PACKAGE) / "max_energy_range_uj"), 262143328850)
            self.assertEqual(number(rig.zone("intel-rapl:0:1") / "max_energy_range_uj"), 65712999613)
            self.assertEqual((rig.zone(PACKAGE) / "constraint_0_name").read_text(), "long_term\n")
            self.assertEqual((rig.zone(PACKAGE) / "constraint_1_name").read_text(), "short_term\n")
            self.assertEqual(rig.truth().channels(), ["package-0", "core-0", "dram-0", "package-1", "core-1", "dram-1",
                                                      "psys", "system"])

    def test_files_have_the_kernel_s_modes(self):
        modes = {"energy_uj": 0o400, "name": 0o444, "max_energy_range_uj": 0o444, "enabled": 0o644,
                 "uevent": 0o644, "constraint_0_name": 0o444, "constraint_0_power_limit_uw": 0o644,
                 "constraint_0_time_window_us": 0o644, "constraint_0_max_power_uw": 0o444}
        with node() as rig:
            for name, mode in modes.items():
                self.assertEqual(stat.S_IMODE((rig.zone(PACKAGE) / name).stat().st_mode), mode, name)

    def test_without_links_the_same_files_stand_in_folders(self):
        with node(flat=True) as rig:
            self.assertFalse(rig.zone("intel-rapl:0:0").is_symlink())
            self.assertEqual((rig.zone("intel-rapl:0:0") / "name").read_text(), "dram\n")

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_energy_is_for_its_owner_alone(self):
        with node() as rig:
            os.chmod(rig.folder, 0o755)
            done = subprocess.run(["cat", rig.zone(PACKAGE) / "name", rig.zone(PACKAGE) / "energy_uj"], user=65534,
                                  capture_output=True, text=True, env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
            self.assertEqual(done.stdout, "package-0\n")
            self.assertIn("Permission denied", done.stderr)


class TheCounters(unittest.TestCase):
    def follows(self, rig, folder, channel, unit_j):
        """Every increase of the counter lies between what is true of its shortest and its longest time."""
        readings = []
        for _ in range(20):
            readings.append(timed_energy(rig, folder))
            time.sleep(0.033)
        truth = truth_covering(rig, readings[-1][1])
        for (first_from, first_to, first), (last_from, last_to, last) in zip(readings, readings[1:]):
            counted = (last - first) / 1e6
            least = truth.energy(channel, last_from - STEP_S) - truth.energy(channel, first_to)
            most = truth.energy(channel, last_to) - truth.energy(channel, first_from - STEP_S)
            self.assertGreaterEqual(counted, least - unit_j - 1e-5)
            self.assertLessEqual(counted, most + unit_j + 1e-5)

    def test_they_follow_the_truth_within_a_step(self):
        with node(noise_pct=10, dies="real") as rig:
            time.sleep(0.2)
            self.follows(rig, "intel-rapl:1", "package-0-die-1", 61035e-9)
            self.follows(rig, "intel-rapl:1:0", "dram-0-die-1", 15300e-9)

    def test_they_wrap_at_their_range(self):
        with node(range_uj=10e6, start_uj=9.9e6, utilisation=1, idle_w=100, span_w=100) as rig:
            span_j = (number(rig.zone(PACKAGE) / "max_energy_range_uj") + 61) / 1e6  # and one count
            self.assertAlmostEqual(span_j, 10, delta=1e-4)
            first, readings = timed_energy(rig), [timed_energy(rig)]
            while readings[-1][0] < first[0] + 0.3:
                readings.append(timed_energy(rig))
            truth = truth_covering(rig, readings[-1][1])
            for begun, ended, value in readings:
                self.assertLess(value / 1e6, span_j)
                counted_j = (value - first[2]) / 1e6
                true_j = truth.energy("package-0", ended) - truth.energy("package-0", first[1])
                off_j = (counted_j - true_j + span_j / 2) % span_j - span_j / 2
                self.assertLess(abs(off_j), 200 * (STEP_S + first[1] - first[0] + ended - begun) + 1e-3)
            self.assertTrue(any(b[2] < a[2] for a, b in zip(readings, readings[1:])))

    def test_mirrored_dies_and_mmio_repeat_a_counter(self):
        with node(dies="mirrored", mmio=True, step_us=500000, utilisation=0.3) as rig:
            for _ in range(3):  # an update between two of the reads spoils one try, not three
                values = {energy(rig, f) for f in ("intel-rapl:0", "intel-rapl:1", "intel-rapl-mmio:0")}
                if len(values) == 1:
                    break
            self.assertEqual(len(values), 1)

    def test_the_update_interval_can_be_coarse(self):
        with node(step_us=200000, utilisation=0.5) as rig:
            began, values = time.monotonic(), []
            while time.monotonic() < began + 1:
                values.append(energy(rig))
            self.assertLessEqual(len(set(values)), 8)
            self.assertGreaterEqual(len(set(values)), 3)


class TheLaw(unittest.TestCase):
    def mean_w(self, channel, seconds=0.3, **options):
        with node(**options) as rig:
            began = time.monotonic()
            time.sleep(seconds)
            return truth_covering(rig, began + seconds).mean_w(channel, began, began + seconds)

    def test_power_is_idle_plus_span_times_the_busy_share_to_the_exponent(self):
        law = {"idle_w": 30, "span_w": 100, "exponent": 0.5, "dram_idle_w": 3, "dram_span_w": 8, "utilisation": 0.25}
        self.assertAlmostEqual(self.mean_w("package-0", **law), 30 + 100 * 0.5, places=3)
        self.assertAlmostEqual(self.mean_w("dram-0", **law), 3 + 8 * 0.5, places=3)
        self.assertAlmostEqual(self.mean_w("package-0-die-1", dies="real", **law), 0.48 * 80, places=3)
        self.assertAlmostEqual(self.mean_w("psys", psys=True, **law), 20 + 1.1 * (80 + 7), places=3)

    def test_the_whole_node_draws_the_rest_the_fans_and_the_losses_as_well(self):
        law = {"sockets": 2, "idle_w": 30, "span_w": 100, "exponent": 1, "dram_idle_w": 3, "dram_span_w": 8,
               "utilisation": 0.25, "rest_w": 50, "fan_w": 20, "loss_pct": 10}
        watts = (2 * (30 + 25 + 3 + 2) + 50 + 5) * 1.1
        for shown in ({}, {"no_dram": True}, {"dies": "mirrored"}, {"dies": "real", "psys": True}):
            self.assertAlmostEqual(self.mean_w("system", **law, **shown), watts, places=3)

    def test_fans_follow_the_load_with_their_own_time_constant(self):
        with node(idle_w=0, span_w=100, dram_idle_w=0, dram_span_w=0, exponent=1, fan_w=100, fan_tau_s=1) as rig:
            time.sleep(1)
            with busy_processors(os.cpu_count()):
                time.sleep(2)
            truth = rig.truth()
        times = truth.times["system"]
        steps = [(t1 - t0, truth.mean_w("package-0", t0, t1), truth.mean_w("system", t0, t1))
                 for t0, t1 in zip(times, times[1:])]
        fans_w = steps[0][1]
        for (dt_s, _, _), (_, package_w, system_w) in zip(steps, steps[1:]):
            fans_w = package_w + (fans_w - package_w) * math.exp(-dt_s)
            self.assertAlmostEqual(system_w - package_w, fans_w, delta=0.1)

    def test_the_energy_of_the_whole_node_can_be_read_at_any_time(self):
        with node(noise_pct=10, rest_w=50) as rig:
            readings = []
            for _ in range(20):
                before = time.monotonic()
                at, energy_j = map(float, (pathlib.Path(rig.sysfs) / "system_energy").read_text().split())
                self.assertLessEqual(before, at)
                self.assertLessEqual(at, time.monotonic())
                readings.append((at, energy_j))
                time.sleep(0.033)
            truth = truth_covering(rig, at)
        for at, energy_j in readings:
            self.assertAlmostEqual(truth.energy("system", at), energy_j, places=4)

    def test_the_same_seed_gives_the_same_noise(self):
        steps = []
        for seed in (7, 7, 8):
            with node(noise_pct=5, seed=seed, utilisation=1, idle_w=0, span_w=100) as rig:
                truth = truth_covering(rig, time.monotonic())
                times, energies = truth.times["package-0"], truth.energies["package-0"]
                steps.append((energies[1] - energies[0]) / (times[1] - times[0]))
        self.assertAlmostEqual(steps[0], steps[1], places=3)
        self.assertGreater(abs(steps[0] - steps[2]), 0.01)
        self.assertGreater(abs(steps[0] - 100), 0.01)

    def test_turbo_ends_with_its_budget(self):
        with node(utilisation=1, idle_w=50, span_w=50, turbo_w=40, turbo_budget_j=40) as rig:
            began = time.monotonic()
            time.sleep(1.6)
            truth = truth_covering(rig, began + 1.6)
            self.assertAlmostEqual(truth.energy("package-0", began + 1.6) - 100 * (began + 1.6 - truth.times["package-0"][0]),
                                   40, delta=0.5)
            self.assertAlmostEqual(truth.mean_w("package-0", began + 1.4, began + 1.6), 100, places=3)

    def test_a_real_load_shows(self):
        """With exponent 1 the mean power is the law of the mean busy share, whatever else the machine does."""
        with node(idle_w=30, span_w=100, exponent=1) as rig:
            means = []
            for n in (0, os.cpu_count()):
                with busy_processors(n):
                    time.sleep(0.5)
                    t0, (busy0, total0) = time.monotonic(), busy_share()
                    time.sleep(1.5)
                    t1, (busy1, total1) = time.monotonic(), busy_share()
                    share = (busy1 - busy0) / (total1 - total0)
                    means.append(truth_covering(rig, t1 + 0.2).mean_w("package-0", t0, t1))
                    self.assertAlmostEqual(means[-1], 30 + 100 * share, delta=15)  # an edge of one step is 7 % of it
            self.assertGreater(means[1], 115)
            self.assertLess(means[1], 130.001)


class Faults(unittest.TestCase):
    def test_a_stuck_counter_keeps_its_value_and_heals(self):
        with node() as rig:
            rig.command("stuck intel-rapl:0")
            first = energy(rig)
            time.sleep(0.1)
            self.assertEqual(energy(rig), first)
            rig.command("heal package-0")
            self.assertGreater(energy(rig), first + 1e6)

    def test_reads_fail_with_the_error_asked_for(self):
        with node() as rig:
            for name in ("EIO", "EINVAL", "ENODATA"):
                rig.command(f"fail dram-0 {name}")
                with self.assertRaises(OSError) as caught:
                    energy(rig, "intel-rapl:0:0")
                self.assertEqual(errno.errorcode[caught.exception.errno], name)
            self.assertGreater(energy(rig), 0)

    def test_text_can_be_garbled_or_empty(self):
        with node() as rig:
            rig.command("garble intel-rapl:0")
            self.assertRaises(ValueError, energy, rig)
            rig.command("empty intel-rapl:0")
            self.assertEqual((rig.zone(PACKAGE) / "energy_uj").read_text(), "")

    def test_a_zone_vanishes_with_its_inner_zones_and_returns(self):
        with node() as rig, open(rig.zone(PACKAGE) / "energy_uj", "rb", buffering=0) as kept:
            rig.command("vanish intel-rapl:0")
            self.assertFalse(os.path.lexists(rig.zone(PACKAGE)))
            self.assertFalse(os.path.lexists(rig.zone("intel-rapl:0:0")))
            with self.assertRaises(OSError) as caught:
                kept.read()
            self.assertEqual(caught.exception.errno, errno.ENODEV)
            rig.command("return intel-rapl:0")
            self.assertGreater(energy(rig, "intel-rapl:0:0"), 0)
            self.assertRaises(OSError, kept.read)

    def test_a_counter_is_reset_and_its_truth_is_not(self):
        with node(utilisation=0, idle_w=10) as rig:
            time.sleep(0.3)
            rig.command("reset intel-rapl:0")
            began = time.monotonic()
            value = energy(rig)
            self.assertLess(value, 10e6 * (time.monotonic() - began + 0.1))
            self.assertGreater(truth_covering(rig, began).energy("package-0", began), 2)

    def test_commands_that_make_no_sense_are_refused(self):
        with node() as rig:
            for line, number_ in (("melt package-0", errno.EINVAL), ("stuck package-7", errno.ENOENT),
                                  ("fail package-0 ENOSUCH", errno.EINVAL), ("stuck", errno.EINVAL)):
                with self.assertRaises(OSError, msg=line) as caught:
                    rig.command(line)
                self.assertEqual(caught.exception.errno, number_, line)


class TheEnd(unittest.TestCase):
    def mounted(self, path):
        return any(line.split()[1] == path for line in open("/proc/self/mounts"))

    def test_nothing_is_left_when_the_test_fails(self):
        with self.assertRaises(ZeroDivisionError), node() as rig:
            kept = os.open(rig.zone(PACKAGE) / "energy_uj", os.O_RDONLY)
            1 / 0
        with contextlib.suppress(OSError):
            os.close(kept)
        self.assertFalse(self.mounted(rig.sysfs))
        self.assertFalse(rig.folder.exists())
        self.assertEqual(rig.rig.returncode, 0)

    def test_the_truth_of_a_killed_rig_is_readable_and_its_mount_goes(self):
        with node() as rig:
            time.sleep(0.5)
            rig.rig.send_signal(signal.SIGKILL)
            rig.rig.wait()
            truth = rig.truth()
            self.assertGreater(len(truth.times["package-0"]), 2)
            self.assertTrue(self.mounted(rig.sysfs))
        self.assertFalse(self.mounted(rig.sysfs))

    def test_a_wrong_option_is_named(self):
        with self.assertRaisesRegex(RuntimeError, "its bounds: 99"), node(sockets=99):
            pass


if __name__ == "__main__":
    unittest.main()
