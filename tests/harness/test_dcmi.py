# SPDX-License-Identifier: GPL-3.0-or-later
"""The meters dcmi and ipmi against a BMC that speaks IPMI over LAN, healthy and faulty."""
import csv
import json
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import wattstep  # noqa: E402
from rigs.bmc_node import BmcNode  # noqa: E402

slow = True  # sources that do not answer are waited for

NOWHERE = ("--sysfs", "/no/such/tree")  # no RAPL here, whatever the machine has
LAN_2_0 = ("--ipmi-workarounds", "opensesspriv", "--bmc-privilege", "admin")
# So that nothing has to be learnt before the states.
FACTS = json.dumps({"format": "wattstep/bmc-facts", "format_version": "1.0", "channels": {"dcmi/system": {
    "update_period_s": 1.0, "lag_s": 0.5, "averaging_s": 0.0, "resolution_w": 1.0, "reach_s": 1.0,
    "time_stamp": "updates"}}})
LAN_1_5 = ("--bmc-protocol", "1.5", "--bmc-privilege", "admin")


def told(text):
    """{label: value} of lines "label : value"."""
    return {label.strip(): value.strip() for label, value in re.findall(r"^ *([^:\n]+?) *: (.*)$", text, re.M)}


class BmcCase(wattstep.Case):
    def bmc(self, **options):
        """A BMC for the rest of the test; the program gets its credentials from the environment."""
        bmc = BmcNode(wattstep.BUILD, **options).__enter__()
        self.addCleanup(bmc.__exit__, None, None, None)
        self.before |= {bmc.bmc.pid}
        self.environment |= {"WATTSTEP_BMC_USER": bmc.user, "WATTSTEP_BMC_PASSWORD": bmc.password}
        return bmc

    def again(self, bmc):
        bmc.start_again()
        self.before |= {bmc.bmc.pid}

    def meters(self, bmc, *options, protocol=LAN_2_0):
        return self.run_program("meters", *NOWHERE, "--bmc", bmc.host, *protocol, *options)

    def assert_unusable(self, kind, words, bmc, *options, meter="dcmi", host=None):
        """`meters` says of that meter that it cannot be used, of that kind and with those words, and no secrets."""
        done = self.run_program("meters", "--json", *NOWHERE, "--bmc", host or bmc.host, *options)
        self.assertEqual(done.returncode, 3, done.stderr)
        for secret in (self.environment["WATTSTEP_BMC_PASSWORD"], host or bmc.host):
            self.assertNotIn(secret, done.stdout + done.stderr)
        self.assert_nothing_left()
        why = next(m for m in json.loads(done.stdout)["unusable"] if m["id"] == meter)
        self.assertEqual(why["kind"], kind, why["text"])
        self.assertIn(words, why["text"])


class Meters(BmcCase):
    def test_meters_and_ipmi_dcmi_tell_the_same_by_both_versions_of_ipmi(self):
        bmc = self.bmc(period_s=1, power_w=217)
        for driver, protocol in (("LAN_2_0", LAN_2_0), ("LAN", LAN_1_5)):
            theirs = told(subprocess.run(["ipmi-dcmi", *bmc.freeipmi(driver), "--get-system-power-statistics"],
                                         text=True, capture_output=True, check=True, timeout=60).stdout)
            done = self.meters(bmc, protocol=protocol)
            self.assertEqual(done.returncode, 0, done.stdout)
            ours = told(done.stdout)
            self.assertGreater(len(theirs), 6)
            for label in theirs.keys() - {"Time Stamp", "Statistics reporting time period"}:
                self.assertEqual(ours[label].lower(), theirs[label].lower(), label)
            self.assertRegex(ours["Statistics reporting time period"], r"^\d+ milliseconds$")
            # Theirs is in local time.
            ours_s = time.mktime(time.strptime(theirs["Time Stamp"], "%m/%d/%Y - %H:%M:%S"))
            self.assertRegex(ours["Time Stamp"], time.strftime("^%Y-%m-%dT%H:", time.gmtime(ours_s))[:-1])

    def test_rolling_averages_and_capabilities_are_shown(self):
        bmc = self.bmc(period_s=1, averages="5s,1m", power_w=150)
        ours = self.meters(bmc).stdout
        theirs = told(subprocess.run(["ipmi-dcmi", *bmc.freeipmi(), "--get-dcmi-capability-info"], text=True,
                                     capture_output=True, timeout=60).stdout)
        for label in ("DCMI Specification Conformance", "Power Management / Monitoring Support",
                      "In-band System Interface Channel", "Serial TMODE", "Out-Of-Band Secondary LAN Channel"):
            self.assertEqual(told(ours)[label], theirs[label])
        self.assertEqual(told(ours)["Average Power over the last 60 s"], "150 Watts")
        for name in ("dcmi/average-5-s", "dcmi/average-1-min", "dcmi/time-stamp", "dcmi/period", "dcmi/active"):
            self.assertIn(name, ours)

    def test_the_same_is_there_as_json(self):
        bmc = self.bmc(period_s=1, power_w=150, averages="15s")
        dcmi = next(m for m in json.loads(self.meters(bmc, "--json").stdout)["meters"] if m["id"] == "dcmi")
        self.assertEqual((dcmi["interface"], dcmi["dcmi_version"]), ("lan-2.0", "1.5"))
        self.assertEqual(dcmi["power_reading"]["current_w"], 150)
        self.assertTrue(dcmi["power_reading"]["active"])
        self.assertEqual(dcmi["rolling_averages"], [{"period_s": 15, "average_w": 150}])
        self.assertTrue(dcmi["capabilities"]["power_management"])
        self.assertEqual(dcmi["device"]["manufacturer_id"], 0x1291)
        self.assertEqual(dcmi["device"]["firmware"], "9.08")
        self.assertNotIn("serial_number", json.dumps(dcmi))

    def test_a_bmc_that_is_not_active_and_has_watts_is_used(self):
        bmc = self.bmc(period_s=1, power_w=319, not_active=True)
        done = self.meters(bmc)
        self.assertEqual(done.returncode, 0, done.stdout)
        ours = told(done.stdout)
        self.assertEqual((ours["Current Power"], ours["Power Measurement"]), ("319 Watts", "Not Available"))
        self.assertEqual((ours["Time Stamp"], ours["Statistics reporting time period"]), ("not told", "not told"))

    def test_a_busy_bmc_is_asked_again(self):
        bmc = self.bmc(period_s=1)
        bmc.command("code C0 2")
        self.assertEqual(self.meters(bmc).returncode, 0)

    def test_without_dcmi_its_power_sensors_are_read(self):
        bmc = self.bmc(period_s=1, power_w=200, sensors={"Pwr Consumption": 1, "PS1 Input Power": 0.5}, no_dcmi=True)
        done = self.meters(bmc, "--json")
        self.assertEqual(done.returncode, 0, done.stdout)
        document = json.loads(done.stdout)
        ipmi = next(m for m in document["meters"] if m["id"] == "ipmi")
        self.assertIn("does not have this command", json.dumps(document["unusable"]))
        self.assertEqual([(c["id"], c["resolution_w"]) for c in ipmi["channels"]],
                         [("ipmi/system", 4), ("ipmi/ps1-input-power", 4)])
        self.assertEqual(list(pathlib.Path(self.dir).rglob("*sdr*")), [])

    def test_a_bmc_with_neither_says_so(self):
        bmc = self.bmc(period_s=1, no_dcmi=True)
        self.assert_unusable("absent", "does not have this command", bmc, *LAN_2_0)
        self.assert_unusable("absent", "the BMC has no", bmc, *LAN_2_0, meter="ipmi")


class Refusals(BmcCase):
    def test_what_is_wrong_with_the_connection_is_told(self):
        bmc = self.bmc(period_s=1)
        right = dict(self.environment)
        for change, options, kind, words in (
                ({"WATTSTEP_BMC_PASSWORD": "wr0ng"}, LAN_2_0, "forbidden", "refuses the password"),
                ({"WATTSTEP_BMC_USER": "nobody"}, LAN_2_0, "forbidden", "refuses the user"),
                ({"WATTSTEP_BMC_PASSWORD": "wr0ng"}, LAN_1_5, "forbidden", "password"),
                ({}, (*LAN_2_0, "--bmc-cipher-suite", "17"), "failed", "--bmc-cipher-suite"),
                ({}, ("--bmc-privilege", "admin"), "forbidden", "opensesspriv"),
                ({}, (*LAN_2_0[:2], "--bmc-privilege", "user"), "forbidden", "--bmc-privilege")):
            with self.subTest(options=options, change=change):
                self.environment = {**right, **change}
                self.assert_unusable(kind, words, bmc, *options)

    def test_a_closed_port_and_a_host_without_address_are_told(self):
        bmc = self.bmc(period_s=1)
        bmc.kill()
        self.assert_unusable("failed", "does not answer", bmc, *LAN_2_0)
        self.assert_unusable("failed", "no address", bmc, *LAN_2_0, host="bmc.invalid")

    def test_a_run_that_names_a_bmc_does_not_go_on_without_it(self):
        bmc = self.bmc(period_s=1)
        self.environment["WATTSTEP_BMC_PASSWORD"] = "wr0ng"
        done = self.run_program("run", *NOWHERE, "--meter", "sim,dcmi", "--bmc", bmc.host, *LAN_2_0, "idle")
        self.assert_refused(done, 3, "dcmi", "refuses the password")

    def test_answers_that_are_no_reading_leave_the_meter_out(self):
        bmc = self.bmc(period_s=1)
        for fault, kind, words in (("code C1", "absent", "0xC1"), ("code D4", "forbidden", "0xD4"),
                                   ("code FF", "absent", "0xFF"), ("short", "absent", "garbled"),
                                   ("long", "absent", "garbled"), ("group", "absent", "garbled"),
                                   ("show 0", "absent", "0 W"), ("show 65535", "absent", "65535 W")):
            with self.subTest(fault=fault):
                bmc.command(fault)
                self.assert_unusable(kind, words, bmc, *LAN_2_0)
                bmc.command("heal")

    def test_ctrl_c_ends_the_wait_for_a_bmc_that_does_not_answer(self):
        bmc = self.bmc(period_s=1)
        bmc.command("silent 60")
        process = self.start("run", "--meter", "sim,dcmi", "--bmc", bmc.host, *LAN_2_0, "-o", "p.json", "idle")
        time.sleep(2)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        self.assertLess(time.monotonic() - began, 3)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("interrupted", err)
        self.assertFalse((self.dir / "p.json").exists())
        self.assert_nothing_left()

    def test_this_machine_s_own_bmc_is_not_that_of_another_tree(self):
        done = self.run_program("meters", *NOWHERE)
        self.assertEqual(done.returncode, 3)
        self.assertIn("--bmc HOST", done.stdout)


class Secrets(BmcCase):
    def test_a_credentials_file_is_read_if_it_is_closed_to_others(self):
        bmc = self.bmc(period_s=1)
        del self.environment["WATTSTEP_BMC_USER"], self.environment["WATTSTEP_BMC_PASSWORD"]
        (self.dir / "bmc").write_text(f"user {bmc.user}\npassword {bmc.password}\n")
        (self.dir / "bmc").chmod(0o644)
        done = self.meters(bmc, "--bmc-credentials", "bmc")
        self.assert_refused(done, 2, "chmod 600", "0644")
        (self.dir / "bmc").chmod(0o600)
        done = self.meters(bmc, "--bmc-credentials", "bmc")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(bmc.password, done.stdout)
        self.assert_refused(self.meters(bmc), 2, "WATTSTEP_BMC_USER")

    def test_no_process_shows_the_secrets_and_no_file_has_them(self):
        bmc = self.bmc(period_s=1)
        process = self.start("run", "--plan", "quick", "--meter", "sim,dcmi", "--bmc", bmc.host, *LAN_2_0, "--trace",
                             "t.csv", "-o", "p.json", "single-core")
        self.wait_for(self.workers, "the load")
        pids = [process.pid] + [pid for pid, _ in wattstep.descendants(self.before)]
        self.assertGreaterEqual(len(pids), 4)
        for pid in set(pids) - self.before:
            for name in ("environ", "cmdline"):
                self.assertNotIn(bmc.password.encode(), pathlib.Path(f"/proc/{pid}/{name}").read_bytes())
        bmc.command("code FF")
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        written = out + err + (self.dir / "p.json").read_text() + (self.dir / "t.csv").read_text()
        for secret in (bmc.password, bmc.host, bmc.user + "\n"):
            self.assertNotIn(secret, written)
        self.assert_nothing_left()


class Faults(BmcCase):
    """A run over a BMC that fails on the way. The plan is one whose first state lasts for minutes."""

    def begin(self, bmc, state="single-core"):
        (self.dir / "facts.json").write_text(FACTS)
        process = self.start("run", "--plan", "thorough", "--meter", "sim,dcmi", "--bmc", bmc.host, *LAN_2_0, "--trace",
                             "t.csv", "-o", "p.json", "--bmc-facts", "facts.json", state)
        if state != "idle":
            self.wait_for(self.workers, "the load")
        self.wait_for(lambda: len(self.asked(bmc)) > 3, "the first readings")
        return process

    @staticmethod
    def asked(bmc):
        return [t for t, command, _ in bmc.requests() if command.startswith("reading")]

    def finish(self, process, within=3):
        """Interrupts the run, which has to end soon; the profile and what it said."""
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertLess(time.monotonic() - began, within)
        self.assertEqual(process.returncode, 130, err)
        self.assert_nothing_left()
        self.assertEqual(self.run_program("validate", "p.json").returncode, 0)
        return self.profile(), err

    def rows(self, channel="dcmi/system", since=0.0, until=float("inf")):
        """[(time, value)] of a channel between two times of time.monotonic(), as traced; None: a failed read."""
        start = self.profile()["run"]["monotonic_start_s"]
        lines = (self.dir / "t.csv").read_text().splitlines()
        rows = csv.reader(line for line in lines if not line.startswith(("#", "time_s")))
        times = [(float(r[0]) + start, float(r[5]) if r[5] else None) for r in rows if r[3] == channel]
        return [(t, value) for t, value in times if since <= t <= until]

    def values(self, since=0.0, until=float("inf")):
        return [value for _, value in self.rows("dcmi/system", since, until)]

    def assert_told(self, words, profile, err):
        self.assertIn(words, err)
        self.assertIn(words, " ".join(profile["run"]["warnings"]))

    def assert_unharmed(self):
        """The fast source was read all the time."""
        times = [t for t, value in self.rows("sim/package-0") if value is not None]
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 4, "a reading of the fast source was delayed")

    def test_each_fault_makes_failed_reads_and_a_clear_word_and_then_all_is_well_again(self):
        bmc = self.bmc(period_s=1, power_w=240)
        process = self.begin(bmc)
        faults = {"code C0": "is busy (completion code 0xC0)", "code C1": "does not have this command",
                  "code C3": "(completion code 0xC3)", "code D4": "wants a higher privilege", "code FF": "0xFF",
                  "short": "garbled", "long": "garbled", "group": "of group", "show 0": "0 W or 65535 W",
                  "show 65535": "0 W or 65535 W"}
        spans = {}
        for fault in faults:
            bmc.command(fault)
            began = time.monotonic()
            time.sleep(4)
            spans[fault] = began, time.monotonic()
            bmc.command("heal")
            time.sleep(3)
        profile, err = self.finish(process)
        for fault, words in faults.items():
            began, ended = spans[fault]
            self.assertEqual(set(self.values(began, ended)), {None}, fault)
            self.assertIn(240, self.values(ended, ended + 3), fault)
            self.assert_told(words, profile, err)
        self.assert_unharmed()
        # Nothing is repeated from the last good value, and nothing else is made up.
        self.assertEqual(set(self.values()), {240, None})

    def test_garbled_answers_are_never_taken_for_watts_in_silence(self):
        bmc = self.bmc(period_s=1, power_w=240)
        process = self.begin(bmc)
        bmc.command("garble")
        time.sleep(10)
        profile, err = self.finish(process)
        self.assertIn(None, self.values())
        self.assertTrue(profile["run"]["warnings"])
        self.assert_unharmed()

    def test_a_bmc_that_is_killed_and_comes_back_is_read_again(self):
        bmc = self.bmc(period_s=1, power_w=240)
        process = self.begin(bmc, "idle")
        bmc.kill()
        time.sleep(12)
        self.again(bmc)
        back = time.monotonic()
        self.wait_for(lambda: len([t for t in self.asked(bmc) if t > back]) > 2, "the BMC's readings", timeout=90)
        time.sleep(1.5)
        profile, err = self.finish(process)
        self.assertIn(None, self.values())
        self.assertIn(240, self.values(since=back))
        self.assert_told("does not answer any more", profile, err)
        self.assert_unharmed()

    def test_with_30_percent_of_packets_lost_readings_go_on(self):
        bmc = self.bmc(period_s=1, power_w=240)
        process = self.begin(bmc)
        bmc.command("drop 30")
        began = time.monotonic()
        time.sleep(25)
        self.finish(process)
        self.assertGreaterEqual(self.values(since=began).count(240), 12)
        self.assert_unharmed()

    def test_a_hang_of_70_seconds_delays_nothing_and_is_told(self):
        bmc = self.bmc(period_s=1, power_w=240)
        process = self.begin(bmc, "idle")
        bmc.command("hang 70")
        time.sleep(25)
        profile, err = self.finish(process)
        self.assert_told("does not answer any more", profile, err)
        self.assertGreater(next(m for m in profile["meters"] if m["id"] == "dcmi")["process"]["late"], 0)
        self.assert_unharmed()

    def test_a_bmc_that_freezes_answers_late_and_readings_keep_their_order(self):
        bmc = self.bmc(period_s=1, power_w=240)
        process = self.begin(bmc)
        bmc.command("freeze 5")
        time.sleep(10)
        self.finish(process)
        times = [t for t, _ in self.rows()]
        self.assertEqual(times, sorted(times))
        self.assertGreater(max(b - a for a, b in zip(times, times[1:])), 1.5)
        self.assert_unharmed()

    def test_a_bmc_that_is_lost_for_good_leaves_the_states_to_the_other_sources(self):
        bmc = self.bmc(period_s=1, power_w=240)
        process = self.start("run", "--plan", "quick", "--meter", "sim,dcmi", "--bmc", bmc.host, *LAN_2_0, "-o", "p.json",
                             "single-core")
        self.wait_for(self.workers, "the load")
        time.sleep(4)
        bmc.kill()
        _, err = process.communicate(timeout=200)
        self.assertEqual(process.returncode, 12, err)
        state, = self.profile()["states"]
        self.assertIn("source_lost", state["flags"])
        self.assertEqual(state["power"]["dcmi/system"]["verdict"], "insufficient")
        self.assert_nothing_left()

    def test_a_killed_program_leaves_no_process(self):
        bmc = self.bmc(period_s=1)
        process = self.begin(bmc, "idle")
        bmc.command("hang 70")
        time.sleep(2)
        process.kill()
        process.wait()
        self.assert_nothing_left()

    def test_reading_is_cheap_and_its_cost_is_in_the_overhead(self):
        bmc = self.bmc(period_s=1)
        process = self.begin(bmc)
        child = next(pid for pid, _ in wattstep.descendants(self.before)
                     if pathlib.Path(f"/proc/{pid}/comm").read_text() == "wattstep-dcmi\n")
        spans = []
        for _ in range(4):
            before = self.used_ms(child), len(bmc.requests())
            time.sleep(8)
            after = self.used_ms(child), len(bmc.requests())
            spans.append((after[0] - before[0]) / (after[1] - before[1]))
        total = self.used_ms(child) * 1e-3
        profile, _ = self.finish(process)
        self.assertLessEqual(min(spans), 0.3, f"ms of processor time a reading: {spans}")
        self.assertGreaterEqual(profile["run"]["overhead"]["cpu_s"], 0.9 * total - 0.002)

    @staticmethod
    def used_ms(pid):
        return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) * 1e-6


if __name__ == "__main__":
    wattstep.unittest.main()
