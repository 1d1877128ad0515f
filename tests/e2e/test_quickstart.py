"""deploy/quickstart.sh from its first line to its last."""

import os
import pathlib
import re
import signal
import socket
import subprocess

import support
from support import CPUS, ROOT, SETTLED_NS, WINDOW_NS, wait_until

SCRIPT = ROOT / "deploy/quickstart.sh"
FRAME_WINDOWS = 10


@support.needs_bpf
class Quickstart(support.TestCase):
    def setUp(self):
        super().setUp()
        self.ports = {name: support.free_port() for name in ("mqtt", "influx", "agent", "bridge")}
        self.arguments = [word for name, port in self.ports.items() for word in (f"--{name}-port", str(port))]
        self.environment = {"TMPDIR": str(self.folder)}

    def quickstart(self, *more):
        return self.run_program(SCRIPT, *self.arguments, *more, environment=self.environment)

    def check_nothing_is_left(self):
        for name, port in self.ports.items():
            self.assertFalse(support.port_open(port), f"{name} still answers on {port}")
        # Everything it starts has its folder or one of its ports on its command line.
        needles = [str(self.folder).encode()] + [f":{port}".encode() for port in self.ports.values()]
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes()
            except OSError:
                continue
            self.assertFalse(any(needle in line for needle in needles), line)

    def check_one_line(self, done, status, *words):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.check_nothing_is_left()

    def check_summary(self, output, least_frames):
        self.assertRegex(output, r"(?m)^frames +(\d+) published, \1 committed$")
        frames = int(output.split("frames ")[-1].split()[0])
        self.assertGreaterEqual(frames, least_frames)
        summary = re.search(rf"(?m)^windows +(\d+) of 10\.0ms on {CPUS} CPUs of .*, (\d+) missing$", output)
        self.assertIsNotNone(summary, output)
        windows, missing = (int(number) for number in summary.groups())
        self.assertGreater(windows, 0)
        self.assertLessEqual(windows + missing, frames * FRAME_WINDOWS * CPUS, "no more than in the frames")
        # It is summed up while the agent runs: some may be on their way then. check_database() sees whether they have come.
        self.assertLessEqual(missing, SETTLED_NS // WINDOW_NS * CPUS)
        self.assertRegex(output, r"(?m)^latency +p50 \d+(\.\d+)?m?s, p99 \d+(\.\d+)?m?s")
        self.assertIn("VICTIM", output)

    def check_database(self, database):
        """Of each CPU every window is there, but for those of which the agent could not say any more what became known late."""
        self.assertEqual(len(database.windows(os.uname().nodename)), CPUS)
        self.assertEqual(database.missing(young_ns=SETTLED_NS, host=os.uname().nodename), [])

    def test_it_shows_data_sums_up_and_leaves_nothing_behind(self):
        done = self.quickstart("--for", "5s")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        self.check_summary(done.stdout, 45)
        self.check_nothing_is_left()
        self.assertEqual(list(self.folder.glob("kpulse-quickstart.*")), [])

    def test_ctrl_c_ends_it_with_the_summary(self):
        with open(self.folder / "out", "w+") as out:
            script = subprocess.Popen([SCRIPT, *self.arguments, "--data", self.folder], stdin=subprocess.DEVNULL, stdout=out,
                                      stderr=subprocess.STDOUT, env={**os.environ, **self.environment}, start_new_session=True,
                                      # Whoever runs the tests in the background may have it ignored, and a shell cannot trap it then.
                                      preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
            try:
                wait_until(lambda: "VICTIM" in (self.folder / "out").read_text(), "the table is shown")
                script.send_signal(signal.SIGINT)
                self.assertEqual(script.wait(support.PATIENCE), 0, (self.folder / "out").read_text())
            finally:
                script.poll() is None and script.kill()
        self.check_summary((self.folder / "out").read_text(), 5)
        self.check_nothing_is_left()
        self.check_database(support.Database(self))  # where quickstart has kept its own

    def test_killed_it_takes_everything_with_it(self):
        with open(self.folder / "out", "w+") as out:
            script = subprocess.Popen([SCRIPT, *self.arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                      env={**os.environ, **self.environment}, start_new_session=True)
            wait_until(lambda: support.port_open(self.ports["agent"]), "the agent runs")
            script.kill()
            script.wait()
        wait_until(lambda: not any(support.port_open(port) for port in self.ports.values()), "all ports are closed")

    def test_a_port_in_use_is_said_before_anything_is_started(self):
        for name in ("mqtt", "influx"):
            with socket.create_server(("127.0.0.1", self.ports[name])) as taken:
                done = self.quickstart("--for", "5s")
                taken.close()
            self.check_one_line(done, 1, f"port {self.ports[name]}", "in use")
            self.assertEqual(done.stdout, "")

    def test_an_influxdb_that_is_there_already_is_used(self):
        database = support.Database(self)
        done = self.quickstart("--for", "3s", "--influx", database.url)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.check_summary(done.stdout, 25)
        self.assertIn(f"using the InfluxDB at {database.url}", done.stdout)
        self.assertGreater(len(database.windows(os.uname().nodename)["0"]), 250)
        self.check_database(database)
        self.assertTrue(database.process.alive(), "it was not ours to stop")

    def test_an_influxdb_that_does_not_answer_is_one_line(self):
        url = f"http://127.0.0.1:{self.ports['influx']}"
        self.check_one_line(self.quickstart("--influx", url), 1, url)

    def test_wrong_options_are_one_line(self):
        for words in (["--for"], ["--for", "soon"], ["--mqtt-port", "0"], ["--influx", "x"], ["--token-file", "/none"], ["--nonsense"],
                      ["--mqtt-port", str(self.ports["agent"])]):
            self.check_one_line(self.run_program(SCRIPT, *self.arguments, *words), 2)

    def test_without_root_it_says_so(self):
        done = self.run_program("unshare", "--user", "bash", SCRIPT, *self.arguments)
        if "unshare" in done.stderr:
            self.skipTest("no user namespaces here")
        self.check_one_line(done, 3, "root")
