"""What a guest's output and its kernel's messages come to (tests/vm/report.py)."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "vm"))
from report import FAILED, PASSED, SKIPPED, emulator_fault, read  # noqa: E402
from run import without  # noqa: E402

WAITS = " smp_call_function_many_cond+0x12c/0x4d0\n text_poke_bp_batch+0x9d/0x2a0\n bpf_trampoline_update+0x2c1/0x4f0\n"
RUNS = " bpf_prog_0123456789abcdef_kp_switch+0x1a/0x8c\n"

HUNG = """[ RUN      ] A.Passes
[       OK ] A.Passes (20 ms)
[ RUN      ] A.Fails/0
a_test.cpp:7: Failure
[  FAILED  ] A.Fails/0, where GetParam() = 1 (1500 ms)
[ RUN      ] A.SkipsItself
[  SKIPPED ] A.SkipsItself (0 ms)
program ended: 1
[ RUN      ] B.Hangs
half a li"""


class EmulatorFaults(unittest.TestCase):
    def test_a_breakpoint_in_the_kernels_code_and_a_sleeper_that_does_not_answer_are_ones(self):
        self.assertEqual(emulator_fault("[ 3.1] Oops: int3: 0000 [#1]\n" + RUNS), "Oops: int3")
        self.assertIn("smp_call_function", emulator_fault(WAITS))

    def test_a_processor_that_does_not_answer_while_a_program_runs_is_none(self):
        self.assertIsNone(emulator_fault(WAITS + RUNS))

    def test_a_kernel_that_fell_over_for_another_reason_or_said_nothing_is_none(self):
        self.assertIsNone(emulator_fault("BUG: kernel NULL pointer dereference, address: 0000000000000008"))
        self.assertIsNone(emulator_fault(""))


class Output(unittest.TestCase):
    def test_every_test_counts_and_the_one_that_hung_has_failed(self):
        entries = read(HUNG, "6.1 tasks", 2).entries
        self.assertEqual([(entry.word, entry.test) for entry in entries],
                         [(PASSED, "6.1 tasks: A.Passes (0.0 s)"), (FAILED, "6.1 tasks: A.Fails/0 (1.5 s)"),
                          (SKIPPED, "6.1 tasks: A.SkipsItself (0.0 s)"), (FAILED, "6.1 tasks: B.Hangs did not end")])
        self.assertEqual([entry.ended for entry in entries], [True, True, True, False])
        self.assertIn("Failure", entries[1].detail)
        self.assertIn("half a li", entries[3].detail)

    def test_a_program_that_did_not_run_is_a_failure(self):
        begin = HUNG[:HUNG.index("[ RUN      ] B.")]
        self.assertEqual(read(begin, "6.1 tasks", 1).count(FAILED), 1)
        self.assertEqual(read(begin, "6.1 tasks", 2).count(FAILED), 2)

    def test_a_program_that_crashed_has_failed_whatever_comes_after_it(self):
        crashed = "[ RUN      ] A.Crashes\nprogram ended: 139\n[ RUN      ] B.Passes\n[       OK ] B.Passes (1 ms)\nprogram ended: 0\n"
        self.assertEqual([(entry.word, entry.test) for entry in read(crashed, "x", 2).entries],
                         [(FAILED, "x: A.Crashes did not end"), (PASSED, "x: B.Passes (0.0 s)")])
        self.assertEqual([entry.test for entry in read("program ended: 134\n", "x", 1).entries], ["x: a program ended with status 134"])

    def test_a_filter_that_chooses_nothing_has_failed_unless_all_of_it_was_done_before(self):
        nothing = "[==========] Running 0 tests from 0 test suites.\nprogram ended: 0\n"
        self.assertEqual([(entry.word, entry.ended, entry.name) for entry in read(nothing, "x", 1).entries], [(FAILED, True, "")])
        self.assertEqual(read(nothing, "x", 1, resumed=True).entries, [])

    def test_what_has_ended_is_left_out_of_the_next_run(self):
        self.assertEqual(without("A.*", {"A.y", "A.x/0"}), "A.*-A.x/0:A.y")
        self.assertEqual(without("A.*:B.*-*C*", {"A.x"}), "A.*:B.*-*C*:A.x")
        self.assertEqual(without("*", set()), "*")

    def test_a_guest_that_said_nothing_has_failed(self):
        self.assertEqual(read("", "6.1 tasks", 1).count(FAILED), 1)


if __name__ == "__main__":
    unittest.main()
