"""Prints "PASSED FAILED SKIPPED" of a JUnit report of ctest. Exit 1 when there is none or it holds no test."""

import sys
import xml.etree.ElementTree as ElementTree


def counts(path):
    suites = [suite for suite in ElementTree.parse(path).getroot().iter("testsuite")]
    tests = sum(int(suite.get("tests", 0)) for suite in suites)
    failed = sum(int(suite.get("failures", 0)) + int(suite.get("errors", 0)) for suite in suites)
    skipped = sum(int(suite.get("skipped", 0)) + int(suite.get("disabled", 0)) for suite in suites)
    return tests - failed - skipped, failed, skipped


def main(path):
    try:
        passed, failed, skipped = counts(path)
    except (OSError, ElementTree.ParseError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    print(passed, failed, skipped)
    return 0 if passed + failed + skipped > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
