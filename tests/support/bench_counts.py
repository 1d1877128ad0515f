"""Runs a benchmark script, passes its output on, and counts its figures: each is a JSON line with "pass"."""

import json
import subprocess
import sys


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
    if bench.returncode and not failed:
        failed = 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
