# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the whole program share: starting it, and looking for what it left behind."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("WATTSTEP_BUILD", ROOT / "build"))
PROGRAM = BUILD / "wattstep"


def processes_with(marker):
    """Live processes (pid, command line) that have the marker in their environment, however deep they descend."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if marker.encode() in (entry / "environ").read_bytes():
                found.append((int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        except OSError:
            pass  # ended meanwhile, or a kernel thread
    return found


class Case(unittest.TestCase):
    """A test with a folder of its own, in which the program runs; nothing may be left of it in the end."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="wattstep-test-")
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)
        (self.dir / "tmp").mkdir()
        self.marker = f"WATTSTEP_TEST={uuid.uuid4()}"
        name, value = self.marker.split("=")
        self.environment = {**os.environ, name: value, "TMPDIR": str(self.dir / "tmp")}

    def start(self, *arguments, **options):
        return subprocess.Popen([str(PROGRAM), *map(str, arguments)], cwd=self.dir, env=self.environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def run_program(self, *arguments, timeout=120):
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            process.kill()
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
        while (left := processes_with(self.marker)) and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(left, [], "processes left running")
        self.assertEqual(sorted(os.listdir(self.dir / "tmp")), [], "temporary files left")

    def wait_for(self, condition, what, timeout=60):
        end = time.monotonic() + timeout
        while not (value := condition()):
            self.assertLess(time.monotonic(), end, f"waited in vain for {what}")
            time.sleep(0.05)
        return value

    def profile(self, name="p.json"):
        return json.loads((self.dir / name).read_text())


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
