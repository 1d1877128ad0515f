"""kpulse doctor, watch and frame against real services."""

import json
import os
import signal

import support
from support import BIN, CPUS, HOST, SETTLED_NS, WINDOW_NS, wait_until

WITHOUT_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


class Doctor(support.TestCase):
    def doctor(self, broker_port, influx_url, *more, before=()):
        return self.run_program(*before, BIN / "kpulse", "doctor", "--mqtt-url", f"mqtt://127.0.0.1:{broker_port}", "--influx",
                                influx_url, *more)

    def line(self, done, name):
        return next(line for line in done.stdout.splitlines() if line.startswith(name + " "))

    @support.needs_bpf
    def test_all_is_fine_where_all_is_there(self):
        broker, database = support.Broker(self), support.Database(self)
        database.query("CREATE DATABASE kpulse")
        done = self.doctor(broker.port, database.url)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        self.assertNotIn("FAIL", done.stdout)
        self.assertIn(os.uname().release, self.line(done, "kernel"))
        self.assertIn("ok    attached", self.line(done, "sched/kp_switch"))
        self.assertIn("SCHED_RR" if support.may_be_realtime() else "refused", self.line(done, "priority"))
        self.assertIn("accepted", self.line(done, "broker"))
        self.assertRegex(self.line(done, "database"), r"ok +InfluxDB 1\..*has database kpulse")

    @support.needs_bpf
    def test_a_database_without_ours_is_a_warning(self):
        broker, database = support.Broker(self), support.Database(self)
        done = self.doctor(broker.port, database.url)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("warn", self.line(done, "database"))

    @support.needs_bpf
    def test_a_broker_that_is_away_fails_and_says_what_to_do(self):
        database = support.Database(self)
        done = self.doctor(support.free_port(), database.url)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("FAIL", self.line(done, "broker"))
        self.assertIn("-> start the broker", done.stdout)

    @support.needs_bpf
    def test_json_says_the_same(self):
        done = self.doctor(support.free_port(), f"http://127.0.0.1:{support.free_port()}", "--json")
        report = json.loads(done.stdout)
        verdicts = {check["name"]: check["verdict"] for check in report["checks"]}
        self.assertEqual((done.returncode, report["status"]), (1, 1))
        self.assertEqual((verdicts["broker"], verdicts["database"], verdicts["BTF"]), ("FAIL", "FAIL", "ok"))

    def test_without_capabilities_it_says_which_are_missing(self):
        done = self.doctor(support.free_port(), f"http://127.0.0.1:{support.free_port()}", before=WITHOUT_CAPABILITIES)
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("CAP_BPF missing", self.line(done, "capabilities"))
        self.assertIn("cap_bpf,cap_perfmon", done.stdout)
        self.assertEqual(done.stderr, "")

    def test_a_wrong_token_is_told_from_a_database_that_is_away(self):
        database = support.Database(self, auth=True)
        database.query("CREATE USER admin WITH PASSWORD 'secret' WITH ALL PRIVILEGES")
        done = self.doctor(support.free_port(), database.url)
        self.assertRegex(self.line(done, "database"), r"FAIL .*HTTP 401")
        done = self.run_program(BIN / "kpulse", "doctor", "--influx", database.url, "--username", "admin",
                                environment={"KPULSE_INFLUX_PASSWORD": "secret"})
        self.assertRegex(self.line(done, "database"), "(ok|warn) +InfluxDB 1")


class Usage(support.TestCase):
    def test_wrong_usage_is_status_two_and_one_line(self):
        for words in (["watch", "--for", "soon"], ["frame", "--mqtt-url", "x"], ["doctor", "--influx", "x", "--token-file", "/none"]):
            done = self.run_program(BIN / "kpulse", *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertEqual(self.run_program(BIN / "kpulse", "nonsense").returncode, 2)
        self.assertEqual(self.run_program(BIN / "kpulse").returncode, 2)

    def test_help_and_version_end_well(self):
        for words in (["--help"], ["--version"], ["doctor", "--help"], ["watch", "--help"], ["frame", "--help"]):
            done = self.run_program(BIN / "kpulse", *words)
            self.assertEqual(done.returncode, 0, words)
            self.assertIn("kpulse", done.stdout + "kpulse" if words[0] != "--version" else done.stdout)

    def test_watch_says_when_there_is_no_data(self):
        database = support.Database(self)
        done = self.run_program(BIN / "kpulse", "watch", "--influx", database.url, "--wait", "300ms")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("no data", done.stderr)


@support.needs_bpf
class Live(support.TestCase):
    def setUp(self):
        super().setUp()
        self.broker, self.database = support.Broker(self), support.Database(self)
        self.bridge = support.Bridge(self, self.broker, self.database.url).wait_connected()
        self.agent = support.Agent(self, self.broker)
        wait_until(lambda: self.bridge.committed() > 3, "frames are committed")

    def test_watch_shows_every_cpu_and_sums_up(self):
        before = self.database.newest()
        output, summary = self.watch_seconds(4)
        lines = output.splitlines()
        self.assertEqual(sum("BUSY" in line for line in lines), 1, "without a terminal the header comes once")
        for cpu in range(CPUS):
            self.assertGreaterEqual(sum(line.split()[0] == str(cpu) for line in lines), 2, output)
        numbers = json.loads(summary.read_text())
        self.assertEqual((numbers["host"], numbers["cpus"], numbers["window_ns"]), (HOST, CPUS, WINDOW_NS))
        self.assertEqual(numbers["missing"], len(self.database.missing(before)))
        self.assertEqual(self.database.missing(before, young_ns=SETTLED_NS), [])
        # Of the 4 s it does not count what was said late. Nor did more come than are there.
        self.assertGreater(numbers["windows"], 300 * CPUS)
        self.assertLessEqual(numbers["windows"], sum(start > before for starts in self.database.windows().values() for start in starts))
        self.assertGreater(numbers["latency_p50_ns"], 1_000_000)
        self.assertLessEqual(numbers["latency_p50_ns"], numbers["latency_p99_ns"])
        self.assertLess(numbers["latency_p99_ns"], 2_000_000_000)

    def watch_seconds(self, seconds):
        """Output and summary of a watch that has seen so many seconds of windows come, however slowly it or they did: by what it shows and
        what is in the database, not by a clock. When it sums up, the agent has ended and nothing is on its way any more."""
        summary = self.folder / "summary.json"
        watch = support.Process(self, "kpulse-watch",
                                [BIN / "kpulse", "watch", "--influx", self.database.url, "--summary-json", summary])

        def tables():
            return sum(line.split()[:1] == ["0"] for line in watch.output().splitlines())

        wait_until(tables, "it shows a table")
        begin = self.database.newest()  # it had windows before it had a table
        wait_until(lambda: self.database.newest() >= begin + seconds * 1_000_000_000, f"{seconds} s of windows are in the database")
        self.assertEqual(self.agent.terminate()[0], 0, self.agent.output())
        wait_until(lambda: self.bridge.committed() == self.agent.frames(), "the rest is committed")
        shown = tables()
        wait_until(lambda: tables() >= shown + 2, "it shows one for which it looked after that")
        status, _ = watch.terminate(with_signal=signal.SIGINT)
        self.assertEqual(status, 0, watch.output())
        self.assertNotRegex(watch.output(), "(?m)^kpulse: ", "it has no error to tell of")
        return watch.output(), summary

    def test_frame_prints_what_is_on_the_wire(self):
        done = self.run_program(BIN / "kpulse", "frame", "--mqtt-url", self.broker.url, "--host", HOST, "--count", "4")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"state of {HOST}", done.stdout)
        self.assertIn("online, windows of 10.0ms every 100ms", done.stdout)
        self.assertRegex(done.stdout, rf"frame \d+ of {HOST}")
        self.assertIn("kpulse_sched cpu=0", done.stdout)
        self.assertIn("busy_ns=", done.stdout)
