"""When a guest hangs and when it is only slow (tests/vm/patience.py)."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "vm"))
import patience  # noqa: E402

NONE = {}


class WhatHangs(unittest.TestCase):
    def setUp(self):
        self.patience = patience.Patience(silence=300, bound=3600)

    def test_who_is_silent_with_processors_at_hand_hangs(self):
        self.assertIsNone(self.patience.out_of(1000, 7, {"1": 50}))
        self.assertIsNone(self.patience.out_of(1299, 7, {"1": 50}))
        self.assertIn("no output for 300 s, of which it had no processor for 0 s", self.patience.out_of(1300, 7, {"1": 50}))

    def test_every_growth_begins_anew(self):
        for size in range(10):
            self.assertIsNone(self.patience.out_of(1000 + 299 * size, size, NONE))
        self.assertIsNotNone(self.patience.out_of(1000 + 299 * 9 + 300, 9, NONE))

    def test_what_it_waited_for_processors_does_not_count_but_only_since_it_was_heard(self):
        self.assertIsNone(self.patience.out_of(1000, 7, {"1": 5000, "2": 10}))
        self.assertIsNone(self.patience.out_of(1500, 7, {"1": 5201, "2": 110}))
        self.assertIn("no output for 501 s, of which it had no processor for 201 s", self.patience.out_of(1501, 7, {"1": 5201, "2": 110}))

    def test_threads_wait_side_by_side_and_a_new_one_counts_from_its_begin(self):
        self.assertIsNone(self.patience.out_of(1000, 7, {"1": 0, "2": 0}))
        self.assertIsNone(self.patience.out_of(1399, 7, {"1": 90, "2": 80, "3": 100}))
        self.assertIsNotNone(self.patience.out_of(1400, 7, {"1": 90, "2": 80, "3": 100}))

    def test_who_says_something_for_ever_is_ended_at_the_bound(self):
        for second in range(0, 3600, 100):
            self.assertIsNone(self.patience.out_of(1000 + second, second, NONE))
        self.assertIn("after 3600 s", self.patience.out_of(4600, 3600, NONE))


class RealCommands(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kpulse-patience-")
        self.addCleanup(folder.cleanup)
        self.output = pathlib.Path(folder.name) / "output"

    def run_shell(self, script, silence):
        return patience.run(["bash", "-c", script, "bash", self.output], patience.Patience(silence, 3600), self.output, pause=0.01)

    def test_one_that_ends_is_left_alone(self):
        self.assertIsNone(self.run_shell('echo said >"$1"; exit 3', silence=300))
        self.assertEqual(self.output.read_text(), "said\n")

    def test_one_that_sleeps_and_one_that_spins_without_a_word_are_ended(self):
        for hang in ("exec sleep infinity", "while :; do :; done"):
            reason = self.run_shell(f'echo $$ >"$1"; {hang}', silence=0.3)
            self.assertIn("no output", reason)
            self.assertFalse(pathlib.Path(f"/proc/{self.output.read_text().strip()}").exists(), "it still runs")

    def test_the_kernel_says_how_long_threads_waited(self):
        self.assertTrue(all(wait >= 0 for wait in patience.waits("self").values()))
        self.assertTrue(patience.waits("self"))


if __name__ == "__main__":
    unittest.main()
