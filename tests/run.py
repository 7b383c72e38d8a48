#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs all tests and ends with one line: N passed, N failed.

C tests are cmocka programs (TAP output); the others are unittest classes in
tests/**/test_*.py, which find the built programs through WATTSTEP_BUILD.
Modules that say `slow = True` measure for minutes of real time, nearly all of
it waiting: they run beside the others. --quick leaves them out. Those in tests/vm
need a virtual machine and run on their own, with --vm.
"""
import argparse
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run_c(program):
    """Runs one cmocka program; returns its (passed, failed)."""
    done = subprocess.run([str(program)], cwd=ROOT, text=True, errors="replace", timeout=600,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"})
    passed = len(re.findall(r"^ok ", done.stdout, re.M))
    failed = len(re.findall(r"^not ok (?!.*# SKIP)", done.stdout, re.M))  # so cmocka 1.1 writes a skipped test
    if failed or done.returncode or not passed:
        print(done.stdout, done.stderr, sep="")
        failed = max(failed, 1)
    return passed, failed


class Result(unittest.TextTestResult):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def stopTest(self, test):
        took = time.monotonic() - self.began
        if took > 5:
            self.stream.write(f"{test}: {took:.0f} s\n")
        super().stopTest(test)


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_python(module):
    suite = unittest.TestSuite()
    loader = unittest.TestLoader()
    for case in vars(module).values():
        if isinstance(case, type) and issubclass(case, unittest.TestCase) and case.__module__ == module.__name__:
            suite.addTests(loader.loadTestsFromTestCase(case))
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0).run(suite)
    return result.passed, len(result.failures) + len(result.errors)


def start_apart(name, build):
    """Runs one test module in a process of its own; its output comes when it is collected."""
    return subprocess.Popen([sys.executable, __file__, "--build", build, "--here", str(name)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def collect(process):
    out, _ = process.communicate()
    print(out, end="")
    counts = re.findall(r"^(\d+) passed, (\d+) failed$", out, re.M)
    return (int(counts[-1][0]), int(counts[-1][1])) if counts else (0, 1)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--build", default="build")
    options.add_argument("--quick", action="store_true", help="without the slow modules")
    options.add_argument("--vm", action="store_true", help="the tests in the virtual machine, and no others")
    options.add_argument("--here", action="store_true", help="run slow modules here instead of beside the others")
    options.add_argument("only", nargs="*", help="parts of names of tests; all if none")
    args = options.parse_args()
    os.environ["WATTSTEP_BUILD"] = str((ROOT / args.build).resolve())
    sys.path.insert(0, str(ROOT / "tests" / "vm"))
    sys.path.insert(0, str(ROOT / "tests"))
    sources = sorted(p for p in (ROOT / "tests").rglob("test_*") if p.suffix in (".c", ".py"))
    sources = [p for p in sources if (p.parent.name == "vm") == args.vm]
    sources = [p for p in sources if not args.only or any(part in str(p.relative_to(ROOT)) for part in args.only)]
    modules = {p: load(p) for p in sources if p.suffix == ".py"}
    slow = [p for p, module in modules.items() if getattr(module, "slow", False)]
    if args.here:
        slow = []
    apart = [] if args.quick else [start_apart(p.relative_to(ROOT), args.build) for p in slow]
    counts = []
    for source in sources:
        if source in slow:
            continue
        name = source.relative_to(ROOT)
        print(f"== {name}", flush=True)
        counts.append(run_python(modules[source]) if source in modules else run_c((ROOT / args.build / name).with_suffix("")))
    counts += [collect(process) for process in apart]
    passed, failed = (sum(column) for column in zip(*counts)) if counts else (0, 0)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


sys.exit(main())
