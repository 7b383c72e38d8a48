#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine with the real drivers, for one command.

    done = Machine(build).run("wattstep meters", timeout=60)
    done.status, done.out, done.err, done.folder

    tests/vm/machine.py [--build FOLDER] [--virtual-time] COMMAND...

The guest is Debian's kernel under QEMU with the host's files as its root (see
init); /vm/modules in it holds the drivers that are not loaded yet (node_power.ko,
ipmi_*.ko). What the command leaves in /vm/job comes out in `folder`. Where it
did not end by itself, MachineError quotes the console.
"""
import argparse
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
VIRTUAL_TIME = ["-accel", "tcg,thread=single", "-icount", "shift={shift},sleep=off"]


class MachineError(Exception):
    """The guest did not get as far as its command's end."""


class Done:
    """What a command in the guest came to."""

    def __init__(self, folder, console, took_s):
        self.folder, self.console, self.took_s = folder, console, took_s
        self.status = int((folder / "status").read_text())
        self.out = (folder / "out").read_text(errors="replace")
        self.err = (folder / "err").read_text(errors="replace")

    def __str__(self):
        return f"status {self.status}\n--- out\n{self.out}--- err\n{self.err}"


def kvm_works(image):
    """Whether a guest boots with KVM: the device may be there and lead nowhere."""
    return os.access("/dev/kvm", os.R_OK | os.W_OK) and image.joinpath("kvm").exists()


class Machine:
    def __init__(self, build, cpus=1, virtual_time=None, memory_mb=512, devices=()):
        """virtual_time: the shift of -icount, or None for the host's time."""
        self.image = pathlib.Path(build) / "vm"
        self.cpus, self.virtual_time, self.memory_mb, self.devices = cpus, virtual_time, memory_mb, list(devices)
        self.folder = None

    # ---- building ----

    def prepare(self):
        """Kernel, modules and initramfs, where they are not there yet."""
        subprocess.run([str(HERE / "kernel.sh"), str(self.image)], check=True)
        stage = self.image / "initramfs"
        shutil.rmtree(stage, ignore_errors=True)
        (stage / "bin").mkdir(parents=True)
        shutil.copy("/bin/busybox", stage / "bin" / "busybox")
        shutil.copy(HERE / "init", stage / "init")
        shutil.copytree(self.image / "modules", stage / "modules")
        with open(self.image / "initramfs.cpio", "wb") as out:
            names = "\0".join(str(p.relative_to(stage)) for p in stage.rglob("*")) + "\0"
            subprocess.run(["cpio", "--quiet", "-0", "-o", "-H", "newc"], cwd=stage, input=names.encode(), stdout=out,
                           check=True)

    # ---- running ----

    def argv(self, folder):
        cpu_words = f"{self.cpus},sockets={self.cpus},cores=1"
        if self.virtual_time is not None:
            speed = [word.format(shift=self.virtual_time) for word in VIRTUAL_TIME]
        else:
            speed = ["-accel", "tcg,thread=multi"]
        return [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-m", str(self.memory_mb),
                "-machine", "pc", "-cpu", "max", "-smp", cpu_words, *speed,
                "-kernel", str(self.image / "vmlinuz"), "-initrd", str(self.image / "initramfs.cpio"),
                "-append", "console=ttyS0 quiet panic=-1 tsc=reliable clocksource=tsc rdinit=/init",
                "-serial", f"file:{folder / 'console'}",
                "-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
                "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
                "-fsdev", f"local,id=job,path={folder},security_model=none",
                "-device", "virtio-9p-pci,fsdev=job,mount_tag=job", *self.devices]

    def run(self, command, timeout=120, folder=None):
        """Boots, runs the shell command, waits for its end. folder: where what it leaves is to lie."""
        folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="wattstep-vm-"))
        (folder / "command").write_text("export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8\ncd /vm/job\n"
                                        + command + "\n")
        began = time.monotonic()
        with open(folder / "qemu", "w") as said:
            process = subprocess.Popen(self.argv(folder), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                       preexec_fn=die_with_parent)
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
            finally:
                process.kill()
                process.wait()
        took_s = time.monotonic() - began
        console = (folder / "console").read_text(errors="replace") if (folder / "console").exists() else ""
        if not (folder / "status").exists():
            raise MachineError(f"the guest did not end its command within {timeout} s; its console is "
                               f"{folder}/console:\n{console[-3000:]}{(folder / 'qemu').read_text()}\n"
                               + "".join((folder / name).read_text(errors="replace")[-2000:]
                                         for name in ("out", "err") if (folder / name).exists()))
        return Done(folder, console, took_s)


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
    print(f"{done.took_s:.1f} s, {done.folder}", file=sys.stderr)
    return done.status


if __name__ == "__main__":
    sys.exit(main())
