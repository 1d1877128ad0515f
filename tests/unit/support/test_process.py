"""How long a program took to end, as the end-to-end tests say it (tests/e2e/support.py)."""

import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))
import support  # noqa: E402

SLEEPS = "trap 'sleep 1; exit 3' TERM; echo ready; while :; do sleep 0.01; done"
BURNS = """
import signal, time
def burn(*_):
    end = time.process_time() + 0.1
    while time.process_time() < end: pass
    raise SystemExit(4)
signal.signal(signal.SIGTERM, burn)
print("ready", flush=True)
while True: signal.pause()
"""
HOGS = 5


class WhatItTookToEnd(support.TestCase):
    def start(self, *command):
        process = support.Process(self, "program", command)
        support.wait_until(lambda: "ready" in process.output(), "it is ready")
        return process

    def end(self, process, **more):
        """(exit status, seconds as terminate() says, seconds around it)"""
        begin = time.monotonic()
        status, seconds = process.terminate(**more)
        return status, seconds, time.monotonic() - begin

    def test_it_is_what_it_waited_for_but_no_more_than_there_was(self):
        status, seconds, around = self.end(self.start("bash", "-c", SLEEPS))
        self.assertEqual(status, 3)
        self.assertGreater(seconds, 0.5)
        self.assertLess(seconds, around)

    @unittest.skipUnless(os.path.exists("/proc/self/schedstat"), "needs a kernel with sched_info")
    def test_waiting_for_a_processor_does_not_count(self):
        cpu = min(os.sched_getaffinity(0))
        on_one = ("taskset", "-c", cpu)
        process = self.start(*on_one, "python3", "-c", BURNS)
        for _ in range(HOGS):
            support.Process(self, "hog", (*on_one, "bash", "-c", "while :; do :; done"))
        support.wait_until(lambda: all(os.sched_getaffinity(hog.popen.pid) == {cpu} for hog in self.processes), "hogs are in its way")
        status, seconds, around = self.end(process)
        self.assertEqual(status, 4)
        self.assertLess(seconds, around / 2)

    def test_one_that_has_ended_took_no_time(self):
        process = support.Process(self, "program", ("sh", "-c", "exit 5"))
        process.wait(20)
        self.assertEqual(process.terminate(), (5, 0.0))

    def test_one_that_does_not_end_is_killed(self):
        process = self.start("bash", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done")
        with self.assertRaisesRegex(AssertionError, "program did not end within 0.2 s: ready"):
            process.terminate(limit=0.2)
        self.assertFalse(process.alive())


if __name__ == "__main__":
    unittest.main()
