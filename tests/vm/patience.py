"""Runs a command and ends it when it hangs: patience.py --silence SECONDS --bound SECONDS --output FILE COMMAND [WORD...]

It hangs when FILE has not grown for SILENCE seconds, not counting those in which it could have gone on but had no processor: an emulated
machine that gets an eighth of one is slow, not hung, and a fixed time tells the two apart only on a quiet machine. What stands still while
processors are there, whether it spins or sleeps, does hang. BOUND, in plain seconds, is for what says something for ever.

Exit status: 0 the command came to its end, 124 it was ended; a line on stdout says why.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time

ENDED = 124


def waits(pid):
    """{thread: seconds it has waited for a processor while it was runnable}; empty when the process is gone or the kernel does not say."""
    found = {}
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            found[path.parent.name] = int(path.read_text().split()[1]) / 1e9
        except (OSError, IndexError):
            pass  # that thread has just ended
    return found


class Patience:
    """Says when something has been silent for too long. Knows nothing of clocks and processes, so that it can be tested."""

    def __init__(self, silence, bound):
        self.silence, self.bound = silence, bound
        self.begin = self.since = self.size = None
        self.waited = {}

    def out_of(self, now, size, waited):
        """None, or why it is over at this time, with that much output, and threads that have waited so long for a processor."""
        if self.begin is None:
            self.begin = now
        if size != self.size:
            self.since, self.size, self.waited = now, size, waited
        silent = now - self.since
        # Its threads wait side by side: what it has missed is what the one that waited longest has.
        starved = max((total - self.waited.get(thread, 0) for thread, total in waited.items()), default=0)
        if silent - starved >= self.silence:
            return f"no output for {silent:.0f} s, of which it had no processor for {starved:.0f} s"
        if now - self.begin >= self.bound:
            return f"it still said something after {self.bound:.0f} s"
        return None


def run(command, patience, output, pause=0.5):
    """Why the command was ended; None when it came to its end by itself."""
    process = subprocess.Popen(command)
    try:
        while process.poll() is None:
            size = os.path.getsize(output) if os.path.exists(output) else 0
            if reason := patience.out_of(time.monotonic(), size, waits(process.pid)):
                return reason
            try:
                process.wait(pause)
            except subprocess.TimeoutExpired:
                pass
        return None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--silence", type=float, required=True, metavar="SECONDS")
    parser.add_argument("--bound", type=float, required=True, metavar="SECONDS")
    parser.add_argument("--output", required=True, metavar="FILE")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and so through `finally`
    reason = run(arguments.command, Patience(arguments.silence, arguments.bound), arguments.output)
    if reason:
        print(reason)
    return ENDED if reason else 0


if __name__ == "__main__":
    sys.exit(main())
