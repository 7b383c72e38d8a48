#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs all tests and ends with one line: N passed, N failed.

C tests are cmocka programs (TAP output); the others are unittest classes in
tests/**/test_*.py, which find the built programs through WATTSTEP_BUILD.
--quick leaves out the classes and modules that say `slow = True`: they
measure for minutes of real time.
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
    failed = len(re.findall(r"^not ok ", done.stdout, re.M))
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


def run_python(path, quick):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if quick and getattr(module, "slow", False):
        return 0, 0
    suite = unittest.TestSuite()
    loader = unittest.TestLoader()
    for name in dir(module):
        case = getattr(module, name)
        if isinstance(case, type) and issubclass(case, unittest.TestCase) and not (quick and getattr(case, "slow", False)):
            suite.addTests(loader.loadTestsFromTestCase(case))
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0).run(suite)
    return result.passed, len(result.failures) + len(result.errors)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--build", default="build")
    options.add_argument("--quick", action="store_true")
    options.add_argument("only", nargs="*", help="parts of names of tests; all if none")
    args = options.parse_args()
    os.environ["WATTSTEP_BUILD"] = str((ROOT / args.build).resolve())
    sys.path.insert(0, str(ROOT / "tests"))
    sources = sorted(p for p in (ROOT / "tests").rglob("test_*") if p.suffix in (".c", ".py"))
    passed = failed = 0
    for source in sources:
        name = source.relative_to(ROOT)
        if args.only and not any(part in str(name) for part in args.only):
            continue
        print(f"== {name}", flush=True)
        if source.suffix == ".c":
            p, f = run_c((ROOT / args.build / name).with_suffix(""))
        else:
            p, f = run_python(source, args.quick)
        passed, failed = passed + p, failed + f
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


sys.exit(main())
