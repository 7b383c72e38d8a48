# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the whole program share: starting it, and looking for what it left behind."""
import ctypes
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("WATTSTEP_BUILD", ROOT / "build")).resolve()
PROGRAM = BUILD / "wattstep"


# Orphans become our children instead of init's, so that whatever a run starts stays below us until it ends.
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(leave_out=frozenset()):
    """Live processes (pid, command line) below this one, however deep; not those that are left out, nor below them."""
    parents, lines = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if not entry.name.isdigit():
                continue
            state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            if state != "Z":
                parents[int(entry.name)] = int(parent)
                lines[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            pass  # ended meanwhile
    below, grew = {os.getpid()}, True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in below} - below - leave_out
        below |= more
        grew = bool(more)
    return [(pid, lines[pid]) for pid in below if pid != os.getpid() and pid in lines]


class Case(unittest.TestCase):
    """A test with a folder of its own, in which the program runs; nothing may be left of it in the end."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="wattstep-test-")
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)
        (self.dir / "tmp").mkdir()
        self.environment = {**os.environ, "TMPDIR": str(self.dir / "tmp")}
        self.before = {int(pid) for pid in pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}

    def start(self, *arguments, **options):
        process = subprocess.Popen([str(PROGRAM), *map(str, arguments)], cwd=self.dir, env=self.environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()

    def run_program(self, *arguments, timeout=120):
        process = self.start(*arguments)
        out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def assert_refused(self, done, status, *words):
        """That status, a message with those words, nothing on standard output, no crash."""
        self.assertEqual(done.returncode, status, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assert_nothing_left()

    def assert_nothing_left(self, within=3.0):
        end = time.monotonic() + within
        while (left := descendants(self.before)) and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(left, [], "processes left running")
        self.assertEqual(sorted(os.listdir(self.dir / "tmp")), [], "temporary files left")

    def workers(self):
        """The processes of stress-ng that this test has started."""
        return [pid for pid, line in descendants(self.before) if "stress-ng" in line.split(" ")[0]]

    def wait_for(self, condition, what, timeout=60):
        end = time.monotonic() + timeout
        while not (value := condition()):
            self.assertLess(time.monotonic(), end, f"waited in vain for {what}")
            time.sleep(0.05)
        return value

    def profile(self, name="p.json"):
        return json.loads((self.dir / name).read_text())
