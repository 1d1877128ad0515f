"""Runs a benchmark script, passes its output on, and counts its figures: each is a JSON line with "pass"."""

import json
import subprocess
import sys

SKIPPED = 77  # see tests/bench/run.sh


def main(command):
    passed = failed = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bench:
        for line in bench.stdout:
            print(line, end="", flush=True)
            try:
                figure = json.loads(line)
            except ValueError:
                continue
            if isinstance(figure, dict) and "pass" in figure:
                passed, failed = passed + (figure["pass"] is True), failed + (figure["pass"] is not True)
    skipped = int(bench.returncode == SKIPPED)
    if bench.returncode and not failed and not skipped:
        failed = 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed + skipped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
