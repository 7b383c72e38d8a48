#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine with the real drivers, for one command.

    done = Machine(build).run("wattstep meters", timeout=60)
    done.status, done.out, done.err, done.folder

    tests/vm/machine.py [--build FOLDER] [--virtual-time] COMMAND...

The guest is Debian's kernel under QEMU with the host's files as its root (see
init); /vm/modules in it holds the drivers that are not loaded yet (node_power.ko,
ipmi_*.ko). What the command leaves in its working directory comes out in `folder`,
beside the console. Where it did not end, MachineError quotes the console.
"""
import argparse
import contextlib
import ctypes
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
QEMU = "qemu-system-x86_64"

# One guest CPU at one instruction per 2^shift ns, and idle time is skipped: what the host does beside it is not
# seen inside, and the same command takes the same time, to the ns. 1 ns: a core of today executes one to four
# instructions per ns.
VIRTUAL_TIME = ["-accel", "tcg,thread=single", "-cpu", "max", "-icount", "shift={shift},sleep=off"]


TCG = ["-accel", "tcg,thread=multi", "-cpu", "max"]
KVM = ["-accel", "kvm", "-cpu", "host"]
KVM_BOOTS_WITHIN_S = 20  # it takes 2 s where it works; without KVM 6 s

# The program and its libraries are read into memory first, and its work is done there: while a guest in virtual time
# waits for the host's files, its idle time is skipped, and seconds pass inside.
PRELUDE = """export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
cp {build}/wattstep /usr/local/bin/
cat $(ldd /usr/local/bin/wattstep | grep -o '/[^ ]*') >/dev/null
cd /run/work
"""


class MachineError(Exception):
    """The guest did not get as far as its command's end."""


class Done:
    """What a command in the guest came to."""

    def __init__(self, folder, took_s):
        self.folder, self.took_s = folder, took_s
        self.status = int((folder / "status").read_text())
        self.out = (folder / "out").read_text(errors="replace")
        self.err = (folder / "err").read_text(errors="replace")

    def __str__(self):
        console = tail(self.folder / "console").partition("Run /init as init process")[2]
        return f"status {self.status}\n--- out\n{self.out}--- err\n{self.err}--- console{console}"


class Machine:
    def __init__(self, build, cpus=1, virtual_time=None, memory_mb=512, devices=(), files=None):
        """virtual_time: the shift of -icount, or None for the host's time. devices: more words for QEMU. files: texts
        that the guest finds in /vm/job, by name."""
        self.build = pathlib.Path(build).resolve()
        self.image = self.build / "vm"
        self.cpus, self.virtual_time, self.memory_mb, self.devices = cpus, virtual_time, memory_mb, list(devices)
        self.files = files or {}

    # ---- building ----

    def prepare(self):
        """Kernel, modules and initramfs, where they are not there yet; and whether KVM works here."""
        subprocess.run([str(HERE / "kernel.sh"), str(self.image)], check=True)
        stage = self.image / "initramfs"
        shutil.rmtree(stage, ignore_errors=True)
        (stage / "bin").mkdir(parents=True)
        shutil.copy(shutil.which("busybox"), stage / "bin" / "busybox")
        shutil.copy(HERE / "init", stage / "init")
        shutil.copytree(self.image / "modules", stage / "modules")
        with open(self.image / "initramfs.cpio", "wb") as out:
            names = "\0".join(str(p.relative_to(stage)) for p in stage.rglob("*")) + "\0"
            subprocess.run(["cpio", "--quiet", "-0", "-o", "-H", "newc"], cwd=stage, input=names.encode(), stdout=out,
                           check=True)

    def kvm_works(self):
        """Whether a guest boots with KVM. The device may be there and lead nowhere, so it is tried once."""
        answer = self.image / "kvm"
        if not answer.exists():
            words = "no"
            if os.access("/dev/kvm", os.R_OK | os.W_OK):
                with contextlib.suppress(MachineError):
                    self._run("true", KVM_BOOTS_WITHIN_S, self.new_folder(), KVM)
                    words = "yes"
            answer.write_text(words)
        return answer.read_text() == "yes"

    # ---- running ----

    def new_folder(self):
        (self.image / "jobs").mkdir(exist_ok=True)
        return pathlib.Path(tempfile.mkdtemp(dir=self.image / "jobs"))

    def argv(self, folder, speed):
        return [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "pc",
                "-m", str(self.memory_mb), "-smp", f"{self.cpus},sockets={self.cpus},cores=1", *speed,
                "-kernel", str(self.image / "vmlinuz"), "-initrd", str(self.image / "initramfs.cpio"),
                # A panic ends QEMU. Without the words on the clock a guest without KVM falls back to a slow one (hpet).
                "-append", "console=ttyS0 panic=-1 tsc=reliable clocksource=tsc rdinit=/init",
                "-serial", f"file:{folder / 'console'}",
                "-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
                "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
                "-fsdev", f"local,id=job,path={folder},security_model=none",
                "-device", "virtio-9p-pci,fsdev=job,mount_tag=job", *self.devices]

    def run(self, command, timeout=120):
        """Boots, runs the shell command, waits for its end."""
        if self.virtual_time is not None:
            speed = [word.format(shift=self.virtual_time) for word in VIRTUAL_TIME]
        else:
            speed = KVM if self.kvm_works() else TCG
        return self._run(command, timeout, self.new_folder(), speed)

    def _run(self, command, timeout, folder, speed):
        (folder / "command").write_text(PRELUDE.format(build=self.build) + command + "\n")
        for name, text in self.files.items():
            (folder / name).write_text(text)
        began = time.monotonic()
        with open(folder / "qemu", "w") as said:
            process = subprocess.Popen(self.argv(folder, speed), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                       preexec_fn=die_with_parent)
            try:
                process.wait(timeout)
                how = f"QEMU ended with {process.returncode} before the command did"
            except subprocess.TimeoutExpired:
                how = f"the guest did not end its command within {timeout} s"
            process.kill()
            process.wait()
        if not (folder / "status").exists():
            raise MachineError(f"{how}; {folder} has all of:\n"
                               + "".join(f"--- {name}\n{tail(folder / name)}" for name in ("console", "qemu", "out", "err")))
        return Done(folder, time.monotonic() - began)


def tail(path, size=3000):
    return path.read_text(errors="replace")[-size:] if path.exists() else ""


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--build", default="build")
    options.add_argument("--cpus", type=int, default=1)
    options.add_argument("--virtual-time", type=int, metavar="SHIFT")
    options.add_argument("--timeout", type=float, default=600)
    options.add_argument("command", nargs=argparse.REMAINDER)
    args = options.parse_args()
    machine = Machine(args.build, cpus=args.cpus, virtual_time=args.virtual_time)
    machine.prepare()
    done = machine.run(args.command[0] if len(args.command) == 1 else shlex.join(args.command), timeout=args.timeout)
    print(done.out, end="")
    print(done.err, end="", file=sys.stderr)
    print(f"machine.py: {done.took_s:.1f} s, {done.folder}", file=sys.stderr)
    return done.status


if __name__ == "__main__":
    sys.exit(main())
