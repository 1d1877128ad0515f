"""What several runs come to (tests/support/tally.py), and what one report of ctest does (junit_counts.py)."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import junit_counts  # noqa: E402
import tally  # noqa: E402

JUNIT = """<testsuite name="(empty)" tests="5">
<testcase name="A.Passes" status="run"><system-out>FAILED, it says</system-out></testcase>
<testcase name="A.Sometimes" status="{status}">{child}</testcase>
<testcase name="A.SkipsItself" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>
<testcase name="A.IsDisabled" status="disabled"/>
<testcase name="A.LostItsProgram" status="{lost}"/>
</testsuite>"""

LOG = """passed  test_a.A.test_one (1.2 s)
{word:<7} test_a.A.test_two (0.1 s)
        passed  is not a line of a test here
{counts}
"""
GOOD = LOG.format(word="passed", counts="2 passed, 0 failed, 0 skipped")
BAD = LOG.format(word="FAILED", counts="1 passed, 1 failed, 0 skipped")


class Tally(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kpulse-tally-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def add_run(self, name, status="0", **files):
        (self.folder / name).mkdir()
        (self.folder / name / "status").write_text(status + "\n")
        for level, text in files.items():
            ending = "xml" if text.startswith("<") else "log"
            (self.folder / name / f"{level}-tests.{ending}").write_text(text)

    def tally(self, *levels):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            status = tally.main(self.folder, levels)
        return status, said.getvalue()

    def test_what_never_fails_is_fine(self):
        self.add_run("1-quiet", e2e=GOOD)
        self.add_run("2-loaded", e2e=GOOD)
        status, said = self.tally("e2e")
        self.assertEqual(status, 0)
        self.assertIn("     0      2       0  e2e test_a.A.test_one\n", said)
        self.assertEqual(said.splitlines()[-1], "2 runs (1 quiet, 1 loaded): 2 tests passed, 0 failed in some run, 0 skipped")

    def test_what_failed_in_some_runs_comes_first_with_those_runs(self):
        for number in range(1, 12):
            failed = number in (2, 10)
            self.add_run(f"{number}-{'quiet' if number % 2 else 'loaded'}", "1" if failed else "0", e2e=BAD if failed else GOOD)
        status, said = self.tally("e2e")
        lines = said.splitlines()
        self.assertEqual(status, 1)
        self.assertEqual(lines[1], "     2      9       0  e2e test_a.A.test_two")
        self.assertIn(f"FAILED in run 2 (loaded): {self.folder}/2-loaded/e2e-tests.log", lines[2])
        self.assertIn(f"FAILED in run 10 (loaded): {self.folder}/10-loaded/e2e-tests.log", lines[3])
        self.assertEqual(lines[-1], "11 runs (6 quiet, 5 loaded): 1 tests passed, 1 failed in some run, 0 skipped")

    def test_a_test_that_one_run_lacks_is_a_failure(self):
        self.add_run("1-quiet", e2e=GOOD)
        self.add_run("2-loaded", e2e="passed  test_a.A.test_one (1.2 s)\n1 passed, 0 failed, 0 skipped\n")
        status, said = self.tally("e2e")
        self.assertEqual(status, 1)
        self.assertIn("absent in run 2 (loaded)", said)

    def test_a_level_without_results_is_a_failure(self):
        for number, text in enumerate(("", GOOD[:GOOD.rindex("2 passed")], GOOD.replace("2 passed,", "3 passed,"), "<testsuite>",
                                       "<testsuite/>", "0 passed, 0 failed, 0 skipped\n")):
            with self.subTest(text=text):
                self.add_run(f"{number + 1}-quiet", vm=GOOD, e2e=text)
                status, said = self.tally("vm", "e2e")
                self.assertEqual(status, 1)
                self.assertIn(f"FAILED in run {number + 1} (quiet)", said)

    def test_a_run_that_failed_without_a_failed_test_is_a_failure(self):
        self.add_run("1-quiet", e2e=GOOD)
        self.add_run("2-loaded", "0, without its load", e2e=GOOD)
        status, said = self.tally("e2e")
        self.assertEqual(status, 1)
        self.assertIn("     1      1       0  (tests/run.sh: exit status 0, without its load)", said)

    def test_no_run_and_nothing_but_skipped_tests_are_no_success(self):
        self.assertEqual(self.tally("e2e")[0], 1)
        self.add_run("1-quiet", e2e="skipped test_a.A.test_one (0.0 s)\n0 passed, 0 failed, 1 skipped\n")
        status, said = self.tally("e2e")
        self.assertEqual(status, 1)
        self.assertIn("0 tests passed, 0 failed in some run, 1 skipped", said)

    def test_the_same_test_of_a_guest_that_was_started_again_has_failed_once_it_failed(self):
        self.add_run("1-quiet", "1", vm="FAILED  6.1 tasks: A.B (1.0 s)\npassed  6.1 tasks: A.B (1.0 s)\n"
                     "FAILED  6.1 tasks: A.C did not end\n1 passed, 2 failed, 0 skipped\n")
        self.add_run("2-loaded", vm="passed  6.1 tasks: A.B (1.0 s)\npassed  6.1 tasks: A.C (1.0 s)\n2 passed, 0 failed, 0 skipped\n")
        _, said = self.tally("vm")
        self.assertIn("     1      1       0  vm 6.1 tasks: A.B\n", said)
        self.assertIn("     1      1       0  vm 6.1 tasks: A.C\n", said)

    def test_reports_of_ctest_are_read_case_by_case(self):
        self.add_run("1-quiet", kernel=JUNIT.format(status="run", child="", lost="run"))
        self.add_run("2-loaded", "1", kernel=JUNIT.format(status="fail", child='<failure message=""/>', lost="notrun"))
        status, said = self.tally("kernel")
        self.assertEqual(status, 1)
        self.assertIn("     1      1       0  kernel A.Sometimes\n", said)
        self.assertIn("     1      1       0  kernel A.LostItsProgram\n", said)
        self.assertIn("     0      0       2  kernel A.SkipsItself\n", said)
        self.assertIn("     0      0       2  kernel A.IsDisabled\n", said)

    def test_junit_counts_says_the_three_numbers(self):
        self.add_run("1-loaded", "1", kernel=JUNIT.format(status="fail", child='<failure message=""/>', lost="notrun"))
        with contextlib.redirect_stdout(io.StringIO()) as said:
            self.assertEqual(junit_counts.main(self.folder / "1-loaded/kernel-tests.xml"), 0)
        self.assertEqual(said.getvalue(), "1 2 2\n")


if __name__ == "__main__":
    unittest.main()
