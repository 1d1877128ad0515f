"""What goes wrong in the world outside: said in a clear line, visible in /metrics, tried again, mended by itself when it can be."""

import socket
import subprocess

import support
import wire
from support import BIN, HOST, wait_until

TOPIC = f"kpulse/v1/{HOST}/frame"
WITHOUT_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


class Configuration(support.TestCase):
    def check_refused(self, program, text, *words, arguments=(), environment=None):
        config = self.folder / "bad.toml"
        config.write_text(text)
        done = self.run_program(BIN / program, "--config", config, *arguments, environment=environment)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr.replace(str(config), "FILE"))

    def test_a_bad_value_is_named_with_file_line_key_and_what_is_allowed(self):
        for program in ("kpulse-agent", "kpulse-bridge"):
            self.check_refused(program, "[mqtt]\nurl = \"mqtt://127.0.0.1:1\"\nkeepalive = \"1ms\"\n", "FILE:3", "mqtt.keepalive", "5s")
        self.check_refused("kpulse-agent", "\nwindow = \"2m\"\n", "FILE:2", "window", "1ms", "1s")
        self.check_refused("kpulse-agent", "window = 7\n", "FILE:1", "window")
        self.check_refused("kpulse-agent", "realtime = \"yes\"\n", "FILE:1", "realtime", "auto", "off")

    def test_an_unknown_key_is_named_with_the_nearest_known_one(self):
        self.check_refused("kpulse-agent", "windows = \"10ms\"\n", "FILE:1", "windows", "window")
        self.check_refused("kpulse-bridge", "[influx]\nurls = \"x\"\n", "FILE:2", "influx.url")

    def test_what_is_no_toml_is_named_with_its_line(self):
        self.check_refused("kpulse-agent", "[mqtt]\nurl = \n", "FILE:2")

    def test_a_bad_variable_or_flag_is_named(self):
        self.check_refused("kpulse-agent", "", "KPULSE_WINDOW", "1ms", environment={"KPULSE_WINDOW": "soon"})
        self.check_refused("kpulse-agent", "", "--publish", arguments=("--publish", "1ms"))
        self.check_refused("kpulse-agent", "", "KPULSE_REALTIME", "auto", "off", environment={"KPULSE_REALTIME": "1"})
        self.check_refused("kpulse-agent", "", "--windows", arguments=("--windows", "1ms"))
        self.check_refused("kpulse-agent", "", "window", arguments=("--publish", "15ms"))

    def test_a_file_that_is_not_there_is_named(self):
        done = self.run_program(BIN / "kpulse-agent", "--config", "/nonexistent.toml")
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nonexistent.toml", done.stderr)

    def test_secrets_are_not_taken_from_the_command_line(self):
        self.check_refused("kpulse-agent", "", "KPULSE_MQTT_PASSWORD", arguments=("--mqtt-password", "x"))

    def test_help_and_version_of_both_programs_end_well(self):
        for program in ("kpulse-agent", "kpulse-bridge"):
            for flag in ("--help", "--version", "--print-config"):
                done = self.run_program(BIN / program, flag)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertNotEqual(done.stdout, "")

    def test_what_print_config_writes_can_be_read_back(self):
        for program in ("kpulse-agent", "kpulse-bridge"):
            config = self.folder / f"{program}.toml"
            config.write_text(self.run_program(BIN / program, "--print-config").stdout)
            again = self.run_program(BIN / program, "--config", config, "--print-config")
            self.assertEqual((again.returncode, again.stdout), (0, config.read_text()), again.stderr)


class Surroundings(support.TestCase):
    def test_a_metrics_port_in_use_is_said_and_ends_the_program(self):
        broker = support.Broker(self)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            where = f"127.0.0.1:{taken.getsockname()[1]}"
            programs = ["kpulse-bridge"] + ([] if support.bpf_missing() else ["kpulse-agent"])
            for program in programs:
                done = self.run_program(BIN / program, "--mqtt-url", broker.url, "--metrics-listen", where)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(where, done.stderr.splitlines()[-1])

    def test_an_agent_without_capabilities_says_which_and_how_to_get_them(self):
        done = self.run_program(*WITHOUT_CAPABILITIES, BIN / "kpulse-agent", "--metrics-listen", "off")
        self.assertEqual(done.returncode, 3, done.stderr)
        for word in ("CAP_BPF", "CAP_PERFMON", "docs/OPERATIONS.md"):
            self.assertIn(word, done.stderr.splitlines()[-1])

    def broker_with_password(self):
        passwords = self.folder / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "kpulse", "right"], check=True, capture_output=True)
        broker = support.Broker(self)
        broker.process.terminate()
        text = broker.conf.read_text().replace("allow_anonymous true", "allow_anonymous false")
        broker.conf.write_text(text + f"password_file {passwords}\n")
        broker.start()
        return broker

    def test_a_wrong_password_is_said_counted_and_tried_again(self):
        broker = self.broker_with_password()
        wrong = ("--mqtt-username", "kpulse")
        bridge = support.Bridge(self, broker, "http://127.0.0.1:1", *wrong, environment={"KPULSE_MQTT_PASSWORD": "wrong"})
        failures = "kpulse_bridge_connect_failures_total"
        wait_until(lambda: bridge.metrics.get(failures) >= 2, "it tries again")
        self.assertEqual(bridge.metrics.get("kpulse_bridge_connected"), 0)
        self.assertRegex(bridge.output().lower(), "not authori[sz]ed")
        self.assertNotIn("wrong", bridge.output())
        self.assertLess(len(bridge.output().splitlines()), 8, "the same reason is not said over and over")
        self.assertEqual(bridge.terminate()[0], 0)
        support.Bridge(self, broker, "http://127.0.0.1:1", *wrong, environment={"KPULSE_MQTT_PASSWORD": "right"}).wait_connected()

    @support.needs_bpf
    def test_an_agent_with_a_wrong_password_says_so_and_goes_on(self):
        broker = self.broker_with_password()
        agent = support.Agent(self, broker, "--mqtt-username", "kpulse", environment={"KPULSE_MQTT_PASSWORD": "wrong"})
        wait_until(lambda: "not authori" in agent.output().lower(), "it says so")
        wait_until(lambda: agent.metrics.get("kpulse_agent_queue_frames") > 2, "it goes on measuring")
        self.assertEqual(agent.metrics.get("kpulse_agent_connected"), 0)
        self.assertEqual(agent.terminate()[0], 0)


class Databases(support.TestCase):
    """Errors of the database: the bridge keeps what it has, says what is wrong, and goes on when it is mended."""

    def setUp(self):
        super().setUp()
        self.broker = support.Broker(self)
        self.window = wire.current_window()

    def publish(self, count):
        with wire.Publisher(self.broker.port) as publisher:
            for sequence in range(1, count + 1):
                publisher.publish(TOPIC, wire.frame(HOST, sequence, self.window + sequence))

    def errors(self, bridge):
        return bridge.metrics.get("kpulse_bridge_retries_total")

    def test_an_unknown_database_is_waited_for_when_it_may_not_be_created(self):
        database = support.Database(self)
        bridge = support.Bridge(self, self.broker, database.url, "--influx-create-database", "false").wait_connected()
        self.publish(5)
        wait_until(lambda: self.errors(bridge) >= 2, "it tries again")
        self.assertIn("kpulse", bridge.output())
        self.assertIn("not found", bridge.output())
        self.assertEqual(bridge.committed(), 0)
        database.query("CREATE DATABASE kpulse")
        wait_until(lambda: bridge.committed() == 5, "what was kept is written")
        self.assertEqual(len(database.windows()["0"]), 5)

    def test_a_database_that_does_not_let_us_in_is_said_and_tried_again(self):
        database = support.Database(self, auth=True)
        database.query("CREATE USER admin WITH PASSWORD 'right' WITH ALL PRIVILEGES")
        bridge = support.Bridge(self, self.broker, database.url).wait_connected()
        self.publish(3)
        wait_until(lambda: self.errors(bridge) >= 1, "it is counted")
        wait_until(lambda: "401" in bridge.output(), "it is said")
        self.assertEqual(bridge.committed(), 0)
        self.assertTrue(bridge.alive())

    def test_a_user_with_the_right_password_may_write(self):
        database = support.Database(self, auth=True)
        database.query("CREATE USER admin WITH PASSWORD 'right' WITH ALL PRIVILEGES")
        bridge = support.Bridge(self, self.broker, database.url, "--influx-username", "admin",
                                environment={"KPULSE_INFLUX_PASSWORD": "right"}).wait_connected()
        self.publish(3)
        wait_until(lambda: bridge.committed() == 3, "frames are committed")

    def test_the_bridge_creates_the_database_and_its_retention_policies(self):
        database = support.Database(self)
        bridge = support.Bridge(self, self.broker, database.url).wait_connected()
        self.publish(1)
        wait_until(lambda: bridge.committed() == 1, "the frame is committed")
        policies = {row["name"]: row["default"] for row in database.query("SHOW RETENTION POLICIES ON \"kpulse\"")}
        self.assertTrue(policies.get("hires"), policies)
        self.assertIn("rollup", policies)
