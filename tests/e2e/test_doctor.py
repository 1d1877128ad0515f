"""kpulse doctor, watch and frame against real services."""

import json
import os

import support
from support import BIN, HOST, wait_until

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
        wait_until(lambda: self.bridge.committed() > 3, 20, "frames are committed")

    def test_watch_shows_every_cpu_and_sums_up(self):
        summary = self.folder / "summary.json"
        done = self.run_program(BIN / "kpulse", "watch", "--influx", self.database.url, "--for", "4s", "--summary-json", summary)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        lines = done.stdout.splitlines()
        self.assertEqual(sum("BUSY" in line for line in lines), 1, "without a terminal the header comes once")
        for cpu in range(support.CPUS):
            self.assertGreaterEqual(sum(line.split()[0] == str(cpu) for line in lines), 2, done.stdout)
        numbers = json.loads(summary.read_text())
        self.assertEqual((numbers["host"], numbers["cpus"], numbers["window_ns"]), (HOST, support.CPUS, 10_000_000))
        self.assertEqual(numbers["missing"], 0)
        self.assertGreater(numbers["windows"], 300 * support.CPUS)
        self.assertGreater(numbers["latency_p50_ns"], 1_000_000)
        self.assertLessEqual(numbers["latency_p50_ns"], numbers["latency_p99_ns"])
        self.assertLess(numbers["latency_p99_ns"], 2_000_000_000)

    def test_frame_prints_what_is_on_the_wire(self):
        done = self.run_program(BIN / "kpulse", "frame", "--mqtt-url", self.broker.url, "--host", HOST, "--count", "4")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"state of {HOST}", done.stdout)
        self.assertIn("online, windows of 10.0ms every 100ms", done.stdout)
        self.assertRegex(done.stdout, rf"frame \d+ of {HOST}")
        self.assertIn("kpulse_sched cpu=0", done.stdout)
        self.assertIn("busy_ns=", done.stdout)
