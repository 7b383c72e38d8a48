# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests in the virtual machine share."""
import bisect
import csv
import json
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from machine import Machine  # noqa: E402

ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("WATTSTEP_BUILD", ROOT / "build")).resolve()

# The longest takes 2 minutes on an idle host of two cores; a busy one needs several times as long.
GUEST_ENDS_WITHIN_S = 900

# What a guest with a BMC begins with: the drivers, and truth.py, which tells the BMC what the node draws.
WITH_BMC = f"""for driver in ipmi_msghandler ipmi_si ipmi_devintf; do insmod /vm/modules/$driver.ko; done
stty -F /dev/ttyS1 raw -echo
"""
TRUTH = f"{sys.executable} {HERE}/truth.py truth.csv"


def boot(command, **options):
    machine = Machine(BUILD, **options)
    machine.prepare()
    return machine.run(command, GUEST_ENDS_WITHIN_S)


class Truth:
    """The true energies as truth.py has logged them; linear between its rows."""

    def __init__(self, path):
        with open(path, newline="") as rows:
            self.rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(rows) if None not in row.values()]
        self.times = [row["time_s"] for row in self.rows]

    def energy_j(self, zone, time_s):
        if not self.times[0] <= time_s <= self.times[-1]:
            raise ValueError(f"{time_s} is outside the truth, {self.times[0]} to {self.times[-1]}")
        i = max(bisect.bisect_left(self.times, time_s), 1)
        before, after = self.rows[i - 1], self.rows[i]
        share = (time_s - self.times[i - 1]) / (self.times[i] - self.times[i - 1])
        return before[zone] + share * (after[zone] - before[zone])

    def mean_w(self, zones, start_s, end_s):
        return sum(self.energy_j(z, end_s) - self.energy_j(z, start_s) for z in zones) / (end_s - start_s)

    def zones(self, kind):
        return [zone for zone in self.rows[0] if zone.startswith(kind)]


class Case(unittest.TestCase):
    """A test that shows, when it fails, what its guest said. `done` is what the guest came to."""

    done = None

    def run(self, result=None):
        wrong = len(result.failures) + len(result.errors)
        super().run(result)
        if self.done and len(result.failures) + len(result.errors) > wrong:
            print(f"{self.id()}: {self.done.folder} has what the guest left\n{self.done}", flush=True)
        return result

    def file(self, name):
        return (self.done.folder / name).read_text(errors="replace")

    def profile(self, name="p.json"):
        return json.loads(self.file(name))

    def truth(self):
        return Truth(self.done.folder / "truth.csv")

    def assert_energy_is_true(self, state, start_s, allowed=0.005):
        """Each zone and each sum of a state of a profile, against the truth of its window."""
        truth, window = self.truth(), state["window"]
        for channel, figures in state["power"].items():
            zones = {"cpu": truth.zones("package"), "dram": truth.zones("dram")}.get(channel, [channel.rpartition("/")[2]])
            if channel.startswith(("dcmi", "system")):
                continue
            true_w = truth.mean_w(zones, start_s + window["start_s"], start_s + window["end_s"])
            with self.subTest(f"{state['name']}, {channel}: {figures['mean_w']} W, true are {true_w:.4f} W"):
                self.assertLessEqual(abs(figures["mean_w"] / true_w - 1), allowed)
