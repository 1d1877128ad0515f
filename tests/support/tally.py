"""What several runs of the tests come to, test by test: tally.py FOLDER LEVEL... (tests/repeat.sh)

FOLDER has a folder for each run, <number>-<kind>, with <level>-tests.xml or <level>-tests.log of each level, and the exit status of
tests/run.sh. What failed in any run comes first. So does what some runs have and others lack, and a level that left no results.
Exit status 0: nothing failed in any run, and something passed.
"""

import dataclasses
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

from junit_counts import FAILED, PASSED, SKIPPED, results

ABSENT = "absent"
WORST_FIRST = (FAILED, PASSED, SKIPPED)
LINE = re.compile(r"^(passed|FAILED|skipped) +(.+?)(?: did not end)?(?: \(\d+\.\d+ s\))?$")
END = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")


@dataclasses.dataclass
class Run:
    number: int
    kind: str
    folder: pathlib.Path
    words: dict  # of test: word


def lines_of(log):
    """(word, name) of every test of a report that ends with its counts; ValueError when it does not, or they are not those of its lines."""
    text = log.read_text(errors="replace").splitlines()
    end = END.match(text[-1]) if text else None
    if not end:
        raise ValueError("it has no end")
    found = [(match[1], match[2]) for line in text if (match := LINE.match(line))]
    counted = [sum(word == wanted for word, _ in found) for wanted in (PASSED, FAILED, SKIPPED)]
    if counted != [int(number) for number in end.groups()]:
        raise ValueError(f"its lines are {counted[0]} passed, {counted[1]} failed, {counted[2]} skipped; it says {end[0]}")
    return found


def level_results(folder, level):
    report = folder / f"{level}-tests.xml"
    found = results(report) if report.exists() else lines_of(folder / f"{level}-tests.log")
    if not found:
        raise ValueError("it holds no test")
    return found


def read_run(folder, levels):
    number, kind = folder.name.split("-", 1)
    words = {}
    for level in levels:
        try:
            found = level_results(folder, level)
        except (OSError, ValueError, ElementTree.ParseError) as error:
            found = [(FAILED, f"(no results: {error})".replace(f"{folder}/", ""))]
        for word, name in found:
            test = f"{level} {name}"
            # A guest that was started again has a test twice.
            words[test] = min(word, words.get(test, word), key=WORST_FIRST.index)
    status = (folder / "status").read_text().strip() if (folder / "status").exists() else "none"
    if status != "0" and FAILED not in words.values():
        words[f"(tests/run.sh: exit status {status})"] = FAILED
    return Run(int(number), kind, folder, words)


@dataclasses.dataclass
class Total:
    """One test over all runs."""

    test: str
    runs: dict  # of word: runs

    def count(self, word):
        return len(self.runs.get(word, []))

    def bad(self):
        return self.count(FAILED) + self.count(ABSENT)


def totals(runs):
    """Those that failed in most runs first, then by name."""
    found = []
    for test in sorted({test for run in runs for test in run.words}):
        total = Total(test, {})
        for run in runs:
            total.runs.setdefault(run.words.get(test, PASSED if test[0] == "(" else ABSENT), []).append(run)
        found.append(total)
    return sorted(found, key=lambda total: -total.bad())


def show(total):
    print(f"{total.count(FAILED):6} {total.count(PASSED):6} {total.count(SKIPPED):7}  {total.test}")
    for word in (FAILED, ABSENT):
        for run in total.runs.get(word, []):
            log = run.folder / f"{total.test.split()[0]}-tests.log"
            print(f"{'':24}{word} in run {run.number} ({run.kind}): {log if log.exists() else run.folder / 'run.log'}")


def main(folder, levels):
    runs = sorted((read_run(path, levels) for path in pathlib.Path(folder).glob("[0-9]*-*")), key=lambda run: run.number)
    found = totals(runs)
    print("failed passed skipped  test")
    for total in found:
        show(total)
    bad, passed = sum(bool(total.bad()) for total in found), sum(not total.bad() and total.count(PASSED) > 0 for total in found)
    kinds = ", ".join(f"{sum(run.kind == kind for run in runs)} {kind}" for kind in sorted({run.kind for run in runs}, reverse=True))
    print(f"{len(runs)} runs ({kinds}): {passed} tests passed, {bad} failed in some run, {len(found) - bad - passed} skipped")
    return 0 if bad == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
