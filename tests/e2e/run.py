"""Runs the end-to-end tests: run.py [--bin FOLDER] [NAME...]; a name is part of a test's id.

Ends with the line "N passed, N failed, N skipped". Exit status 1 when something failed or nothing ran.
"""

import argparse
import os
import pathlib
import signal
import sys
import time
import unittest

LIMIT_SECONDS = 240


class Result(unittest.TestResult):
    """One line per test."""

    def __init__(self):
        super().__init__()
        self.passed = 0

    def startTest(self, test):
        super().startTest(test)
        self.begin = time.monotonic()
        signal.alarm(LIMIT_SECONDS)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)

    def say(self, test, word, detail=""):
        print(f"{word:<7} {test.id()} ({time.monotonic() - self.begin:.1f} s)" + (f"\n{detail}" if detail else ""), flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        self.say(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say(test, "FAILED", self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.begin = getattr(self, "begin", time.monotonic())
        self.say(test, "FAILED", self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.begin = getattr(self, "begin", time.monotonic())
        self.say(test, "skipped", f"        {reason}")


def out_of_time(*_):
    raise TimeoutError(f"the test took more than {LIMIT_SECONDS} s")


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", help="folder with the programs")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if arguments.bin:
        os.environ["KPULSE_BIN"] = str(pathlib.Path(arguments.bin).resolve())
    # Gaps between a test and what it started must not outlive a Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGALRM, out_of_time)
    here = pathlib.Path(__file__).parent
    chosen = unittest.TestSuite(test for test in tests_of(unittest.defaultTestLoader.discover(str(here), "test_*.py"))
                                if not arguments.names or any(name in test.id() for name in arguments.names))
    result = Result()
    chosen.run(result)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.passed} passed, {failed} failed, {len(result.skipped)} skipped")
    return 0 if failed == 0 and result.passed + len(result.skipped) > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
