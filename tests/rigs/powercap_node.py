# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated node with live power zones, for tests.

    with PowercapNode(build, sockets=2, psys=True) as node:
        subprocess.run([wattstep, "--sysfs", node.sysfs, ...])
        node.command("stuck intel-rapl:0")
        node.truth().mean_w("package-0", t0, t1)

Options are those of tests/rigs/powercapfs.c with '_' for '-'. Times are seconds
of CLOCK_MONOTONIC, as of time.monotonic(). The mount is gone when the block is
left, whatever happened in it.
"""
import bisect
import csv
import ctypes
import os
import pathlib
import select
import signal
import subprocess
import tempfile
import time

READY_S = 20  # mounting takes milliseconds; a busy machine takes longer
MNT_DETACH = 2


class Truth:
    """The true energy of each zone, by wattstep's channel names ("package-0")."""

    def __init__(self, path):
        self.times, self.energies = {}, {}
        with open(path, newline="") as rows:
            for row in csv.DictReader(rows):
                if not row["energy_j"] or "." not in row["energy_j"]:
                    continue  # the last row of a rig that was killed as it wrote
                self.times.setdefault(row["channel"], []).append(float(row["time_s"]))
                self.energies.setdefault(row["channel"], []).append(float(row["energy_j"]))

    def channels(self):
        return list(self.times)

    def energy(self, channel, t):
        """Joules since the rig began. Between two steps the power is constant, so this is exact."""
        times, energies = self.times[channel], self.energies[channel]
        if not times[0] <= t <= times[-1]:
            raise ValueError(f"{t} is outside the truth of {channel}, {times[0]} to {times[-1]}")
        i = max(bisect.bisect_left(times, t), 1)
        share = (t - times[i - 1]) / (times[i] - times[i - 1])
        return energies[i - 1] + share * (energies[i] - energies[i - 1])

    def mean_w(self, channel, t0, t1):
        return (self.energy(channel, t1) - self.energy(channel, t0)) / (t1 - t0)


class PowercapNode:
    def __init__(self, build, **options):
        self.program = pathlib.Path(build) / "tests" / "rigs" / "powercapfs"
        self.options = options
        self.rig = self.temporary = None

    def __enter__(self):
        if not os.path.exists("/dev/fuse"):
            raise RuntimeError("/dev/fuse is missing: the simulated node needs FUSE (modprobe fuse, or, in a "
                               "container, --device /dev/fuse --cap-add SYS_ADMIN)")
        if not self.program.exists():
            raise RuntimeError(f"{self.program} is missing: build it with make")
        self.temporary = tempfile.TemporaryDirectory(prefix="wattstep-node-", ignore_cleanup_errors=True)
        self.folder = pathlib.Path(self.temporary.name)
        self.truth_path = self.folder / "truth.csv"
        self.sysfs = str(self.folder / "sys")
        os.mkdir(self.sysfs)
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self):
        argv = [str(self.program), "--with-parent", "--truth", str(self.truth_path)]
        for key, value in self.options.items():
            name = "--" + key.replace("_", "-")
            argv += [name] if value is True else [] if value is False else [name, str(value)]
        self.errors = open(self.folder / "errors", "w+")
        self.rig = subprocess.Popen(argv + [self.sysfs], stdout=subprocess.PIPE, stderr=self.errors, text=True)
        ready, _, _ = select.select([self.rig.stdout], [], [], READY_S)
        if not ready or self.rig.stdout.readline() != "ready\n":
            self.errors.seek(0)
            raise RuntimeError(f"{' '.join(argv)} did not become ready: {self.errors.read().strip()}")

    def __exit__(self, *_):
        if self.rig:
            self.rig.send_signal(signal.SIGTERM)
            try:
                self.rig.wait(5)
            except subprocess.TimeoutExpired:
                self.rig.kill()
                self.rig.wait()
            self.rig.stdout.close()
            self.errors.close()
        self._unmount()
        self.temporary.cleanup()

    def _unmount(self):
        """What is left of the mount, when the rig was killed."""
        with open("/proc/self/mounts") as mounts:
            mounted = any(line.split()[1] == self.sysfs for line in mounts)
        if mounted and ctypes.CDLL(None).umount2(self.sysfs.encode(), MNT_DETACH) != 0:
            subprocess.run(["fusermount3", "-u", "-z", self.sysfs], check=False)

    def command(self, line):
        """Makes a zone fail, and heals it: see `commands` in powercapfs.c. OSError if it is not understood."""
        with open(os.path.join(self.sysfs, "control"), "w") as control:
            control.write(line + "\n")

    def zone(self, folder):
        """A zone's folder."""
        return pathlib.Path(self.sysfs) / "class" / "powercap" / folder

    def truth(self, until=None):
        """What is logged until now: up to a step (0.1 s) behind. until: it is waited for that time to be reached."""
        end = time.monotonic() + READY_S
        while True:
            truth = Truth(self.truth_path)
            if until is None or all(times[-1] >= until for times in truth.times.values()) or time.monotonic() > end:
                return truth
            time.sleep(0.05)
