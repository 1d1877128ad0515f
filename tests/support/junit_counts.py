"""Prints "PASSED FAILED SKIPPED" of a JUnit report of ctest. Exit 1 when there is none or it holds no test."""

import sys
import xml.etree.ElementTree as ElementTree

PASSED, FAILED, SKIPPED = "passed", "FAILED", "skipped"


def results(path):
    """(word, name) of every test. One that is disabled counts as skipped; one that is neither this nor has run well has failed."""
    found = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if case.find("skipped") is not None or case.get("status") == "disabled":
            word = SKIPPED
        else:
            word = PASSED if case.get("status") == "run" else FAILED
        found.append((word, case.get("name", "")))
    return found


def main(path):
    try:
        words = [word for word, _ in results(path)]
    except (OSError, ElementTree.ParseError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    print(words.count(PASSED), words.count(FAILED), words.count(SKIPPED))
    return 0 if words else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
