# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated BMC shows what it says that it shows, to tools that are not ours, and fails as it is told."""
import contextlib
import datetime
import importlib.util
import math
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import time
import unittest


def load(name):
    spec = importlib.util.spec_from_file_location(name, pathlib.Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bmc_node, powercap_node = load("bmc_node"), load("powercap_node")

slow = True  # a minute, nearly all of it waiting for answers that do not come

BUILD = os.environ["WATTSTEP_BUILD"]
TICK_S = 0.05
SYSTEM, ROLLING, CAPABILITIES = (f"--get-{what}" for what in (
    "system-power-statistics", "enhanced-system-power-statistics", "dcmi-capability-info"))
QUICK = ("--session-timeout=2000", "--retransmission-timeout=300")  # ms; the library's own are 20 s and 1 s
PATIENT = ("--session-timeout=60000", "--retransmission-timeout=200")


def node(**options):
    return bmc_node.BmcNode(BUILD, **options)


def freeipmi(bmc, program, *args, driver="LAN_2_0", **changed):
    """What one of freeipmi's tools says; changed: other values for options, u="nobody"."""
    argv = bmc.freeipmi(driver)
    for option, value in changed.items():
        argv[argv.index("-" + option) + 1] = value
    return subprocess.run([f"/usr/sbin/{program}", *argv, *args], text=True, capture_output=True, timeout=100,
                          env={**os.environ, "TZ": "UTC", "LC_ALL": "C"})


def fields_of(text):
    """[{"Current Power": "212 Watts", ...}, ...], one for each block that begins with Current Power."""
    blocks = []
    for key, value in re.findall(r"^(\S[^:\n]*?) *: (.*)$", text, re.M):
        if key == "Current Power" or not blocks:
            blocks.append({})
        blocks[-1][key] = value
    return blocks


def reading(bmc, *args, **options):
    """The fields of one reading by ipmi-dcmi."""
    done = freeipmi(bmc, "ipmi-dcmi", SYSTEM, *args, **options)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return fields_of(done.stdout)[0]


def current(bmc, *args, **options):
    return int(reading(bmc, *args, **options)["Current Power"].split()[0])


def complaint(bmc, *args, **options):
    """What ipmi-dcmi says of a reading that fails."""
    done = freeipmi(bmc, "ipmi-dcmi", *(args or [SYSTEM]), **options)
    if done.returncode == 0:
        raise AssertionError(done.stdout)
    return done.stderr.strip().split(": ", 1)[1]


def updates(bmc, n):
    """Waits until there are n readings; all of them."""
    end = time.monotonic() + 60
    while len(bmc.readings()) < n and time.monotonic() < end:
        time.sleep(0.02)
    return bmc.readings()


def shown_until(bmc, t):
    """Waits until an update is as late as t."""
    end = time.monotonic() + 60
    while bmc.readings()[-1][0] < t and time.monotonic() < end:
        time.sleep(0.02)


def next_update(bmc):
    updates(bmc, len(bmc.readings()) + 1)


class WhatIpmiDcmiPrints(unittest.TestCase):
    def test_a_reading_is_what_the_bmc_shows_with_rmcp_plus_and_without(self):
        with node(power_w=200, period_s=0.2) as bmc:
            bmc.command("power 260")
            next_update(bmc)
            next_update(bmc)
            bmc.command("power 230")
            next_update(bmc)
            next_update(bmc)
            for driver in ("LAN_2_0", "LAN"):
                fields = reading(bmc, driver=driver)
                self.assertEqual(fields["Current Power"], "230 Watts")
                self.assertEqual(fields["Minimum Power over sampling duration"], "200 watts")
                self.assertEqual(fields["Maximum Power over sampling duration"], "260 watts")
                self.assertEqual(fields["Power Measurement"], "Active")

    def test_average_and_period_are_since_boot(self):
        with node(power_w=200, period_s=0.2) as bmc:
            time.sleep(0.5)
            bmc.command("power 300")
            shown_until(bmc, time.monotonic() + 0.5)
            before = time.monotonic()
            fields = reading(bmc)
            after = time.monotonic()
            truth, readings = bmc.truth(until=after), bmc.readings()
            boot = readings[0][0]
            period_s = int(fields["Statistics reporting time period"].split()[0]) / 1000
            self.assertGreaterEqual(period_s, before - boot - 0.001)
            self.assertLessEqual(period_s, after - boot)
            last = [at for at, _ in readings if at <= before][-1]
            average = int(fields["Average Power over sampling duration"].split()[0])
            self.assertIn(average, {round(truth.mean_w(boot, at) + d) for at, _ in readings if last <= at <= after
                                    for d in (-1e-3, 1e-3)})

    def test_statistics_over_a_period_forget_what_was_before(self):
        with node(power_w=500, period_s=0.1, statistics_s=1) as bmc:
            updates(bmc, 3)
            bmc.command("power 100")
            shown_until(bmc, time.monotonic() + 1.2)
            fields = reading(bmc)
            self.assertEqual(fields["Maximum Power over sampling duration"], "100 watts")
            self.assertEqual(fields["Average Power over sampling duration"], "100 watts")
            self.assertEqual(fields["Statistics reporting time period"], "1000 milliseconds")

    def test_capabilities_name_the_version_and_the_rolling_averages(self):
        with node(averages="5s,1m,12h,3d") as bmc:
            text = freeipmi(bmc, "ipmi-dcmi", CAPABILITIES).stdout
            self.assertRegex(text, r"DCMI Specification Conformance +: 1\.5\n")
            self.assertRegex(text, r"Power Management / Monitoring Support +: Available\n")
            self.assertEqual(re.findall(r"Rolling Average Time Period +: (.*)", text),
                             ["5 Seconds", "1 Minutes", "12 Hours", "3 Days"])

    def test_each_rolling_average_is_over_its_own_period(self):
        with node(power_w=400, period_s=0.1, averages="1s,1h") as bmc:
            updates(bmc, 5)
            bmc.command("power 200")
            shown_until(bmc, time.monotonic() + 1.2)
            blocks = [b for b in fields_of(freeipmi(bmc, "ipmi-dcmi", ROLLING).stdout) if "Current Power" in b]
            self.assertEqual([b["Statistics reporting time period"] for b in blocks],
                             ["1000 milliseconds", "3600000 milliseconds"])
            self.assertEqual([b["Maximum Power over sampling duration"] for b in blocks], ["200 watts", "400 watts"])
            averages = [int(b["Average Power over sampling duration"].split()[0]) for b in blocks]
            self.assertEqual(averages[0], 200)
            self.assertGreater(averages[1], 200)

    def test_some_bmcs_measure_and_say_that_they_do_not(self):
        with node(power_w=319, not_active=True) as bmc:
            fields = reading(bmc)
            self.assertEqual(fields["Current Power"], "319 Watts")
            self.assertEqual(fields["Power Measurement"], "Not Available")
            self.assertEqual(fields["Statistics reporting time period"], "0 milliseconds")
            self.assertIn("Post-Init 0 s", fields["Time Stamp"])

    def test_the_time_stamp_moves_with_updates_with_requests_or_never(self):
        moved = {}
        with contextlib.ExitStack() as stack:
            bmcs = {stamp: stack.enter_context(node(stamp=stamp, period_s=60)) for stamp in ("update", "request", "still")}
            bmcs["quick"] = stack.enter_context(node(stamp="update", period_s=0.5))
            stamps = {}
            for _ in range(2):
                for name, bmc in bmcs.items():
                    text = reading(bmc)["Time Stamp"]
                    stamp = datetime.datetime.strptime(text + " +0000", "%m/%d/%Y - %H:%M:%S %z").timestamp()
                    stamps.setdefault(name, []).append(stamp)
                    self.assertLess(abs(time.time() - stamp), 30, name)
                time.sleep(2)
            moved = {name: last > first for name, (first, last) in stamps.items()}
        self.assertEqual(moved, {"update": False, "request": True, "still": False, "quick": True})

    def test_who_may_not_is_told_so(self):
        with node() as bmc:
            self.assertEqual(complaint(bmc, p="wrong"), "password invalid")
            self.assertEqual(complaint(bmc, u="nobody"), "username invalid")
            self.assertEqual(complaint(bmc, I="17"), "internal IPMI error")
            self.assertEqual(complaint(bmc, W="none"), "privilege level cannot be obtained for this user")

    def test_power_sensors_stand_in_for_dcmi(self):
        sensors = {"Pwr Consumption": 1, "PS1 Input": 0.6, "PS2 Input": 0.4}
        with node(no_dcmi=True, sensors=sensors, power_w=612, sensor_step_w=5, period_s=0.2) as bmc:
            cache = ("--sdr-cache-recreate", f"--sdr-cache-directory={bmc.folder}")

            def lines():
                text = freeipmi(bmc, "ipmi-sensors", *cache, "--no-header-output", "--comma-separated-output").stdout
                return [line.split(",")[1:5] for line in text.splitlines()]

            other = "Other Units Based Sensor"
            self.assertEqual(lines(), [["Pwr Consumption", other, "610.00", "W"], ["PS1 Input", other, "365.00", "W"],
                                       ["PS2 Input", other, "245.00", "W"], ["Inlet Temp", "Temperature", "23.00", "C"]])
            self.assertEqual(complaint(bmc), "command invalid or unsupported")
            self.assertEqual(complaint(bmc, CAPABILITIES), "command invalid or unsupported")
            bmc.command("unavailable")
            self.assertEqual([line[2] for line in lines()], ["N/A"] * 4)
            bmc.command("heal")
            bmc.start_again()
            self.assertEqual(len(lines()), 4)


class WhatItShows(unittest.TestCase):
    GRID = [{}, {"lag_s": 1.3}, {"mean_s": 1}, {"lag_s": 0.7, "mean_s": 0.9, "step_w": 7},
            {"step_w": 14, "rounding": "truncate"}, {"rounding": "truncate", "gain": 0.5, "offset_w": 30},
            {"period_s": 0.7, "lag_s": 1}, {"noise_pct": 2, "mean_s": 0.5}]

    def expected(self, watts, **o):
        steps = (watts * o.get("gain", 1) + o.get("offset_w", 0)) / o.get("step_w", 1)
        return int(math.floor(steps) if o.get("rounding") == "truncate" else math.floor(steps + 0.5)) * o.get("step_w", 1)

    def test_each_update_is_the_late_mean_in_steps_of_what_is_true(self):
        with contextlib.ExitStack() as stack:
            bmcs = [stack.enter_context(node(**{"period_s": 0.3, **options})) for options in self.GRID]
            for watts in (200, 321.7, 123.4, "250 1"):
                for bmc in bmcs:
                    bmc.command(f"power {watts}")
                time.sleep(1.2)
            for options, bmc in zip(self.GRID, bmcs):
                now = time.monotonic()
                truth, span_s = bmc.truth(until=now), max(options.get("mean_s", 0), TICK_S)
                readings = [r for r in bmc.readings() if r[0] < now
                            and r[0] - span_s - options.get("lag_s", 0) >= truth.times[0]]
                self.assertGreater(len(readings), 3, options)
                self.assertGreater(len({watts for _, watts in readings}), 2, options)
                for at, watts in readings:
                    end = at - options.get("lag_s", 0)
                    true_w = truth.mean_w(end - span_s, end)
                    self.assertIn(watts, {self.expected(true_w + d, **options) for d in (-1e-3, 1e-3)}, (options, at))

    def test_updates_come_once_in_a_period(self):
        with node(period_s=0.4) as bmc:
            times = [at for at, _ in updates(bmc, 6)]
            for a, b in zip(times, times[1:]):
                periods = (b - a) / 0.4
                self.assertAlmostEqual(periods, max(round(periods), 1), places=4)

    def test_the_mean_of_many_updates_is_the_truth_but_for_what_truncating_costs(self):
        means = {}
        with contextlib.ExitStack() as stack:
            bmcs = {r: stack.enter_context(node(period_s=0.1, mean_s=0.1, rounding=r, step_w=3, noise_pct=5, seed=7))
                    for r in ("round", "truncate")}
            time.sleep(6)
            for rounding, bmc in bmcs.items():
                readings = bmc.readings()[2:]
                truth = bmc.truth()
                readings = [r for r in readings if r[0] <= truth.times[-1]]
                each = [watts - truth.mean_w(at - 0.1, at) for at, watts in readings]
                means[rounding] = statistics.fmean(each)
        self.assertAlmostEqual(means["round"], 0, delta=0.6)  # 60 updates, sd of each 3 / sqrt(12) W
        self.assertAlmostEqual(means["truncate"], -1.5, delta=0.6)

    def test_the_same_seed_gives_the_same_noise_and_another_another(self):
        first = []
        for seed in (7, 7, 8):
            with node(noise_pct=5, seed=seed, power_w=100) as bmc:
                truth = bmc.truth()
                first.append(truth.mean_w(*truth.times[:2]))
        self.assertAlmostEqual(first[0], first[1], places=3)
        self.assertGreater(abs(first[0] - first[2]), 0.01)

    def test_the_law_follows_a_command_with_its_time_constant(self):
        with node(power_w=100) as bmc:
            before = time.monotonic()
            bmc.command("power 300 0.5")
            after = time.monotonic()
            time.sleep(1.5)
            truth = bmc.truth(until=after + 1.2)
        samples = [t for t in truth.times if t > after]
        for start, end in zip(samples, samples[1:]):
            most, least = (300 - 100 * (math.exp(-(start - c) / 0.5) - math.exp(-(end - c) / 0.5)) / (end - start)
                           for c in (before, after))
            self.assertLess(least - 0.01, truth.mean_w(start, end))
            self.assertLess(truth.mean_w(start, end), most + 0.01)

    def test_it_measures_a_simulated_node(self):
        with powercap_node.PowercapNode(BUILD, rest_w=60, noise_pct=5, loss_pct=8) as machine, \
                node(node=machine, period_s=0.5, mean_s=0.5) as bmc:
            time.sleep(3)
            seen = bmc.truth()
            start, end = seen.times[0], seen.times[-1]
            true = machine.truth(until=end)
            self.assertAlmostEqual(seen.mean_w(start, end), true.mean_w("system", start, end), places=4)
            self.assertGreater(seen.mean_w(start, end), true.mean_w("package-0", start, end) + 60)
            for at, watts in bmc.readings()[2:]:
                if at <= end:
                    self.assertLess(abs(watts - seen.mean_w(at - 0.5, at)), 0.501)
            with self.assertRaises(ValueError):
                bmc.command("power 100")  # the node's power is its own


class Faults(unittest.TestCase):
    def test_readings_fail_with_the_code_asked_for(self):
        said = {"C0": "BMC busy", "C1": "command invalid or unsupported", "C3": "message timeout",
                "D4": "privilege level insufficient", "FF": "bad completion code"}
        with node() as bmc:
            for code, words in said.items():
                bmc.command(f"code {code}")
                self.assertEqual(complaint(bmc), words)
                self.assertEqual(freeipmi(bmc, "ipmi-dcmi", CAPABILITIES).returncode, 0)
            self.assertEqual([answer for _, command, answer in bmc.requests() if command == "reading/1"], list(said))

    def test_a_fault_can_be_for_some_answers_only(self):
        with node(power_w=200) as bmc:
            bmc.command("code FF 2")
            self.assertEqual([complaint(bmc) for _ in range(2)], ["bad completion code"] * 2)
            self.assertEqual(current(bmc), 200)

    def test_answers_are_short_long_garbled_or_of_another_group(self):
        with node(power_w=200) as bmc:
            bmc.command("short")
            self.assertEqual(complaint(bmc), "internal IPMI error")
            bmc.command("long")  # the byte behind is taken for the checksum, and is it once in 256 answers
            statuses = [freeipmi(bmc, "ipmi-dcmi", SYSTEM, *QUICK).returncode for _ in range(2)]
            self.assertIn(1, statuses)
            bmc.command("garble")
            self.assertNotEqual([current(bmc) for _ in range(2)], [200, 200])
            bmc.command("group")
            self.assertEqual(current(bmc), 200)  # the library does not look
            bmc.command("heal")
            self.assertEqual(current(bmc), 200)
            answers = [answer for _, command, answer in bmc.requests() if command.startswith("reading")]
            self.assertEqual(list(dict.fromkeys(answers)), ["short", "long", "garbled", "group", "right"])

    def test_wrong_watts_are_shown(self):
        with node(power_w=200, period_s=0.2) as bmc:
            for watts in (0, 65535, 2999):
                bmc.command(f"show {watts}")
                self.assertEqual(current(bmc), watts)
            bmc.command("unavailable")
            self.assertEqual(reading(bmc)["Power Measurement"], "Not Available")
            self.assertEqual(current(bmc), 0)
            bmc.command("heal")
            bmc.command("half")
            next_update(bmc)
            next_update(bmc)
            self.assertEqual(current(bmc), 100)

    def test_a_stuck_reading_stays_while_the_power_changes(self):
        with node(power_w=200, period_s=0.2) as bmc:
            bmc.command("stuck")
            bmc.command("power 300")
            first = reading(bmc)["Time Stamp"]
            time.sleep(1.2)
            self.assertEqual(current(bmc), 200)
            self.assertEqual(reading(bmc)["Time Stamp"], first)
            bmc.command("heal")
            next_update(bmc)
            self.assertEqual(current(bmc), 300)

    def test_a_hang_withholds_readings_and_leaves_the_session_alone(self):
        with node() as bmc:
            bmc.command("hang")
            self.assertEqual(complaint(bmc, SYSTEM, *QUICK), "session timeout")
            self.assertEqual(freeipmi(bmc, "ipmi-dcmi", CAPABILITIES).returncode, 0)
            bmc.command("heal")
            self.assertEqual(current(bmc), 200)

    def test_a_hang_ends_after_its_time(self):
        with node() as bmc:
            began = time.monotonic()
            bmc.command("hang 1.5")
            self.assertEqual(current(bmc, *PATIENT), 200)
            self.assertGreaterEqual(time.monotonic(), began + 1.5)

    def test_a_silent_bmc_answers_nothing_and_then_only_what_comes_later(self):
        with node() as bmc:
            began = time.monotonic()
            bmc.command("silent 1.5")
            self.assertEqual(freeipmi(bmc, "ipmi-dcmi", CAPABILITIES, *PATIENT).returncode, 0)
            self.assertGreaterEqual(time.monotonic(), began + 1.5)
            bmc.command("silent")
            self.assertEqual(complaint(bmc, SYSTEM, *QUICK), "connection timeout")

    def test_a_frozen_bmc_answers_late_and_the_truth_goes_on(self):
        with node() as bmc:
            began = time.monotonic()
            bmc.command("freeze 1.5")
            self.assertEqual(current(bmc), 200)
            ended = time.monotonic()
            self.assertGreaterEqual(ended, began + 1.5)
            self.assertAlmostEqual(bmc.truth(until=ended).mean_w(began, ended), 200, places=3)
            bmc.command("freeze")
            self.assertEqual(complaint(bmc, SYSTEM, *QUICK), "connection timeout")
            bmc.command("heal")
            self.assertEqual(current(bmc), 200)

    def test_a_slow_bmc_takes_its_time_for_each_reading(self):
        with node() as bmc:
            bmc.command("slow 0.7")
            began = time.monotonic()
            self.assertEqual(current(bmc), 200)
            self.assertGreaterEqual(time.monotonic(), began + 0.7)

    def test_packets_are_lost_and_asked_for_again(self):
        with node() as bmc:
            bmc.command("drop 30")
            done = sum(freeipmi(bmc, "ipmi-dcmi", SYSTEM, *QUICK[:1], "--retransmission-timeout=50").returncode == 0
                       for _ in range(12))
            self.assertGreaterEqual(done, 4)
            self.assertGreater(len(bmc.requests()), done)
            bmc.command("drop 100")
            self.assertEqual(complaint(bmc, SYSTEM, *QUICK), "connection timeout")

    def test_dcmi_can_be_turned_off(self):
        with node() as bmc:
            bmc.command("dcmi off")
            self.assertEqual(complaint(bmc, CAPABILITIES), "command invalid or unsupported")
            bmc.command("heal")
            self.assertEqual(complaint(bmc), "command invalid or unsupported")
            bmc.command("dcmi on")
            self.assertEqual(current(bmc), 200)

    def test_commands_that_make_no_sense_are_refused(self):
        with node() as bmc:
            for line in ("melt", "", "power", "power x", "power -1", "power 1 0", "hang 0", "hang x", "slow", "drop 101",
                         "code", "code 00", "code 100", "code C0 0", "show 65536", "stuck 1", "heal now", "short 1 2",
                         "dcmi", "power 1 2 3"):
                with self.assertRaises(ValueError, msg=line):
                    bmc.command(line)


class ComingAndGoing(unittest.TestCase):
    def test_a_killed_bmc_is_gone_and_comes_again_on_the_same_port(self):
        with node(power_w=250, period_s=0.2) as bmc:
            bmc.command("power 100")
            bmc.command("code C0")
            updates(bmc, len(bmc.readings()) + 2)
            host = bmc.host
            bmc.kill()
            gone = time.monotonic()
            self.assertEqual(complaint(bmc, SYSTEM, *QUICK), "connection timeout")
            bmc.start_again()
            back = time.monotonic()
            self.assertEqual(bmc.host, host)
            fields = reading(bmc)
            self.assertEqual(fields["Current Power"], "100 Watts")  # the node did not notice
            self.assertEqual(fields["Maximum Power over sampling duration"], "100 watts")
            self.assertAlmostEqual(bmc.truth(until=back).mean_w(gone, back), 100, places=3)

    def test_a_port_that_is_taken_is_left_alone(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            ports = [taken.getsockname()[1], bmc_node.free_port()]
            bmc = node()
            bmc.free_port = lambda: ports.pop(0)
            with bmc:
                self.assertEqual(ports, [])
                self.assertEqual(current(bmc), 200)

    def test_nothing_is_left_when_the_test_fails(self):
        with self.assertRaises(ZeroDivisionError), node() as bmc:
            process = bmc.bmc
            1 / 0
        self.assertIsNotNone(process.returncode)
        self.assertFalse(bmc.folder.exists())

    def test_it_ends_with_its_parent(self):
        script = ("import importlib.util, os, sys\n"
                  "spec = importlib.util.spec_from_file_location('bmc_node', sys.argv[1])\n"
                  "module = importlib.util.module_from_spec(spec)\n"
                  "spec.loader.exec_module(module)\n"
                  "bmc = module.BmcNode(sys.argv[2])\n"
                  "bmc.__enter__()\n"
                  "print(bmc.bmc.pid, bmc.folder, flush=True)\n"
                  "os.kill(os.getpid(), 9)\n")
        done = subprocess.run(["/usr/bin/python3", "-c", script, bmc_node.__file__, BUILD], text=True, capture_output=True)
        pid, folder = done.stdout.split()
        self.addCleanup(subprocess.run, ["rm", "-r", folder])
        end = time.monotonic() + 20
        while alive(int(pid)) and time.monotonic() < end:
            time.sleep(0.05)
        left = alive(int(pid))
        if left:
            os.kill(int(pid), signal.SIGKILL)
        self.assertFalse(left)

    def test_a_wrong_option_is_named(self):
        for options, words in (({"period_s": 0}, "its bounds: 0"), ({"lagg_s": 1}, "not understood: lagg_s"),
                               ({"averages": "5x"}, "5s,1m,1h: 5x"), ({"rounding": "up"}, "truncate: up")):
            with self.assertRaisesRegex(RuntimeError, words), node(**options):
                pass


def alive(pid):
    """Whether it runs; one that nobody has waited for does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
