# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated BMC on a port of the loopback address, for tests: OpenIPMI's ipmi_sim with bmc_dcmi.so.

    with PowercapNode(build, rest_w=60) as node, BmcNode(build, node=node, period_s=2, step_w=7) as bmc:
        subprocess.run(["ipmi-dcmi", *bmc.freeipmi(), "--get-system-power-statistics"])
        bmc.command("hang 70")
        bmc.kill(), bmc.start_again()
        bmc.truth().mean_w(t0, t1)

Options are those of tests/rigs/bmc_options.h; sensors is a table of names and
shares of the power, {"Pwr Consumption": 1}, and one temperature comes with them. Without a node the BMC measures one
that draws power_w, changed by command("power 212"). Commands are those of
tests/rigs/bmc_faults.h. Times are seconds of CLOCK_MONOTONIC, as of time.monotonic().
"""
import bisect
import csv
import pathlib
import select
import signal
import socket
import subprocess
import tempfile
import time

READY_S = 20  # starting takes 0.1 s; a busy machine takes longer
MOST_TRIES = 10  # somebody else may take the port that was free

LAN_CONF = """name "bmc"
set_working_mc 0x20
startlan 1
addr 127.0.0.1 {port}
priv_limit admin
allowed_auths_admin none md2 md5 straight
guid a123456789abcdefa123456789abcdef
endlan
user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
loadlib "{plugin}" "{words}"
"""
EMU = """mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
mc_enable 0x20
"""
TEMPERATURE, OTHER_UNITS = 0x01, 0x0b  # sensor types
DEGREES, WATTS = 1, 6  # units


def full_sensor_record(number, name, sensor_type, unit, step):
    """The command for one sensor of the SDR repository: a full record (IPMI 2.0, table 43-1), reading = raw x step."""
    key = [0x20, 0, number]
    what = [0x0a, number, 0x40, 0x43, sensor_type, 0x01]  # supply; scanned; no thresholds, no events; analog
    masks = [0] * 6
    units = [0, unit, 0, 0]  # unsigned, linear
    factors = [step & 0xff, step >> 8 << 6, 0, 0, 0, 0]  # M and B, exponents 0
    limits = [0, 0, 0, 0, 255, 0] + [0] * 8  # no nominal ones; the greatest raw value, the least; no thresholds
    text = [0, 0, 0, 0xc0 | len(name), *name.encode("ascii")]
    body = key + what + masks + units + factors + limits + text
    return "main_sdr_add 0x20 " + " ".join(f"{byte:#04x}" for byte in [0, 0, 0x51, 0x01, len(body)] + body) + "\n"


class BmcTruth:
    """The true energy of the whole node, as the BMC saw it."""

    def __init__(self, path):
        self.times, self.energies = [], []
        for time_s, energy_j, _ in rows_of(path, 3):
            self.times.append(float(time_s))
            self.energies.append(float(energy_j))

    def energy(self, t):
        """Joules since the rig began. Between two samples the power is constant, so this is exact."""
        if not self.times[0] <= t <= self.times[-1]:
            raise ValueError(f"{t} is outside the truth, {self.times[0]} to {self.times[-1]}")
        i = max(bisect.bisect_left(self.times, t), 1)
        share = (t - self.times[i - 1]) / (self.times[i] - self.times[i - 1])
        return self.energies[i - 1] + share * (self.energies[i] - self.energies[i - 1])

    def mean_w(self, t0, t1):
        return (self.energy(t1) - self.energy(t0)) / (t1 - t0)


def rows_of(path, columns):
    """The rows of a log but its head, and but the last where a killed BMC did not finish it."""
    text = path.read_text() if path.exists() else ""
    whole = text[:text.rfind("\n") + 1]
    return [row for row in list(csv.reader(whole.splitlines()))[1:] if len(row) == columns]


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class BmcNode:
    free_port = staticmethod(free_port)
    user, password = "rig", "s3cret-of-rig"  # IPMI 1.5 takes 16 bytes at most

    def __init__(self, build, node=None, sensors=None, **options):
        self.plugin = pathlib.Path(build).resolve() / "tests" / "rigs" / "bmc_dcmi.so"
        self.node, self.sensors, self.options = node, sensors or {}, options
        self.bmc = self.temporary = self.port = None

    def __enter__(self):
        if not self.plugin.exists():
            raise RuntimeError(f"{self.plugin} is missing: build it with make")
        self.temporary = tempfile.TemporaryDirectory(prefix="wattstep-bmc-", ignore_cleanup_errors=True)
        self.folder = pathlib.Path(self.temporary.name)
        (self.folder / "state").mkdir()
        try:
            self._start_somewhere()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self.kill()
        self.temporary.cleanup()

    def _words(self):
        words = {"with_parent": True, **self.options}
        words |= {name: self.folder / f"{name}.csv" for name in ("truth", "readings", "requests")}
        words["sensors"] = ",".join(f"{share:g}" for share in self.sensors.values()) or None
        words["control"] = self.folder / "control"
        if self.node:
            words["energy"] = pathlib.Path(self.node.sysfs) / "system_energy"
        return " ".join(key if value is True else f"{key}={value}" for key, value in words.items()
                        if value is not False and value is not None)

    def _commands(self):
        step = int(self.options.get("sensor_step_w", 4))
        records = [full_sensor_record(i, name, OTHER_UNITS, WATTS, step) for i, name in enumerate(self.sensors, 1)]
        if records:
            records.append(full_sensor_record(len(records) + 1, "Inlet Temp", TEMPERATURE, DEGREES, 1))
        return EMU + "".join(records)

    def _start(self):
        """True once it listens, False where the port is taken."""
        (self.folder / "lan.conf").write_text(LAN_CONF.format(
            port=self.port, user=self.user, password=self.password, plugin=self.plugin, words=self._words()))
        (self.folder / "bmc.emu").write_text(self._commands())
        argv = ["ipmi_sim", "-c", str(self.folder / "lan.conf"), "-f", str(self.folder / "bmc.emu"),
                "-s", str(self.folder / "state"), "-n"]
        with open(self.folder / "errors", "w") as errors:
            self.bmc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        end = time.monotonic() + READY_S
        said = b""
        while b"ready\n" not in said and time.monotonic() < end:
            if select.select([self.bmc.stdout], [], [], 0.1)[0]:
                part = self.bmc.stdout.read1()
                said += part
                if not part:
                    break
        if b"ready\n" in said:
            return True
        self.kill()
        problem = (self.folder / "errors").read_text().strip()
        if "Unable to bind" in problem:
            return False
        raise RuntimeError(f"{' '.join(argv)} did not become ready: {problem}")

    def _start_somewhere(self):
        for _ in range(MOST_TRIES):
            self.port = self.free_port()
            if self._start():
                return
        raise RuntimeError(f"no free port in {MOST_TRIES} tries")

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def freeipmi(self, driver="LAN_2_0"):
        """The arguments that make freeipmi's own tools ask this BMC."""
        secure = ["-I", "3", "-W", "opensesspriv"] if driver == "LAN_2_0" else []
        return ["-h", self.host, "-D", driver, "-u", self.user, "-p", self.password, *secure]

    def kill(self):
        """The BMC is gone, at once; its port is closed."""
        if self.bmc:
            self.bmc.kill()
            self.bmc.wait()
            self.bmc.stdout.close()
        self.bmc = None

    def start_again(self):
        """On the same port, with no memory of sessions, faults and extremes. The node has gone on meanwhile."""
        self.kill()
        end = time.monotonic() + READY_S
        while not self._start():
            if time.monotonic() > end:
                raise RuntimeError(f"port {self.port} was taken by somebody else meanwhile")
            time.sleep(0.1)

    def command(self, line):
        """Sets the power, makes the BMC fail, and heals it. ValueError if it is not understood."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
            control.bind("")
            control.settimeout(READY_S)
            control.sendto(line.encode(), str(self.folder / "control"))
            answer = control.recv(128).decode()
        if answer != "ok":
            raise ValueError(f"{line}: {answer}")

    def truth(self, until=None):
        """What is logged until now. until: it is waited for that time to be reached."""
        end = time.monotonic() + READY_S
        while True:
            truth = BmcTruth(self.folder / "truth.csv")
            if until is None or truth.times[-1] >= until or time.monotonic() > end:
                return truth
            time.sleep(0.05)

    def requests(self):
        """[(time, command, answer)] of all DCMI commands and sensor reads that reached it."""
        return [(float(time_s), command, answer)
                for time_s, command, answer in rows_of(self.folder / "requests.csv", 3)]

    def readings(self):
        """[(time, watts)] of all updates."""
        return [(float(time_s), int(watts)) for time_s, watts in rows_of(self.folder / "readings.csv", 2)]
