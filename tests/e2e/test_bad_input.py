"""Whatever is published, the bridge drops it with a reason or escapes it, and goes on."""

import support
import wire
from support import HOST, wait_until

TOPIC = f"kpulse/v1/{HOST}/frame"


class BadInput(support.TestCase):
    def setUp(self):
        super().setUp()
        self.broker, self.database = support.Broker(self), support.Database(self)
        self.bridge = support.Bridge(self, self.broker, self.database.url).wait_connected()
        self.publisher = wire.Publisher(self.broker.port)
        self.addCleanup(self.publisher.close)
        self.window = wire.current_window()
        self.sequence = 0

    def dropped(self, reason):
        return self.bridge.metrics.get("kpulse_bridge_frames_rejected_total", reason=reason)

    def publish_good(self, body=None):
        """Publishes a frame with the next window and waits until it is in the database; returns its row."""
        self.sequence += 1
        start = (self.window + self.sequence) * wire.WINDOW_NS
        self.publisher.publish(TOPIC, wire.frame(HOST, self.sequence, self.window + self.sequence, body=body))
        select = f"SELECT * FROM \"kpulse_sched\" WHERE time = {start}"
        wait_until(lambda: self.database.query(select), "a good frame is in the database")
        return self.database.query(select)[0]  # the one that found it may have been made of the fields from before it

    def check_dropped(self, reason, payload, topic=TOPIC):
        before = self.dropped(reason)
        self.publisher.publish(topic, payload)
        wait_until(lambda: self.dropped(reason) == before + 1, f"counted as {reason}")
        self.publish_good()
        self.assertTrue(self.bridge.alive(), self.bridge.output())

    def test_what_is_not_protobuf_is_malformed(self):
        for payload in (b"", b"\xff\xff\xff\xff", b"hello, world", b"\x00" * 100):
            before = sum(self.dropped(reason) for reason in ("malformed", "version"))
            self.publisher.publish(TOPIC, payload)
            wait_until(lambda: sum(self.dropped(reason) for reason in ("malformed", "version")) == before + 1, repr(payload))
        self.publish_good()

    def test_a_truncated_frame_is_malformed(self):
        whole = wire.frame(HOST, 1, self.window)
        self.check_dropped("malformed", whole[:-3])

    def test_more_than_a_mebibyte_is_oversized(self):
        whole = wire.frame(HOST, 1, self.window)
        self.check_dropped("oversized", whole + wire.data(100, b"x" * (1 << 20)))

    def test_another_wire_version_is_dropped(self):
        self.check_dropped("version", wire.frame(HOST, 1, self.window, version=2))

    def test_another_host_than_the_topics_is_dropped(self):
        self.check_dropped("host_mismatch", wire.frame("someone-else", 1, self.window))

    def test_counts_that_lie_are_dropped(self):
        too_many_values = wire.series(wire.SCHED, ["0"], wire.column(wire.BUSY, [1, 2, 3]))
        no_such_task = wire.series(wire.SCHED, ["0"], wire.column(wire.VICTIM, [7]))
        long_name = wire.task(1, b"sixteen bytes is")
        no_tag = wire.series(wire.SCHED, [], wire.column(wire.BUSY, [1]))
        for payload in (wire.frame(HOST, 1, self.window, body=too_many_values),
                        wire.frame(HOST, 1, self.window, body=no_such_task),
                        wire.frame(HOST, 1, self.window, body=no_tag),
                        wire.frame(HOST, 1, self.window, body=long_name),
                        wire.frame(HOST, 1, self.window, windows=4_000_000_000, body=b""),
                        wire.frame(HOST, 1, 2**63)):
            self.check_dropped("counts", payload)

    def test_unknown_fields_and_measurements_are_no_error(self):
        row = self.publish_good(body=wire.series(wire.SCHED, ["0"], wire.column(wire.BUSY, [5]), wire.column(999, [1]))
                                + wire.series(4242, ["x", "y"], wire.column(1, [1])) + wire.data(77, b"newer"))
        self.assertEqual(row["busy_ns"], 5)

    def test_names_cannot_break_out_of_their_field(self):
        for comm in (b"a\nevil b=1i", b"a,b=c d", b'q"uote', b"back\\", b"tab\tnul\x01", b"\xff\xfe\x80", b"'; DROP"):
            row = self.publish_good(body=wire.task(4711, comm) + wire.series(wire.SCHED, ["0"], wire.column(wire.BUSY, [7]),
                                                                             wire.column(wire.VICTIM, [1])))
            self.assertEqual((row["busy_ns"], row["victim_pid"], row["culprit_pid"]), (7, 4711, 0), comm)
            if comm.isascii() and comm.decode().isprintable():
                self.assertEqual(row["victim_comm"], comm.decode())
            else:
                self.assertNotEqual(row["victim_comm"], "")
        self.assertTrue(all(name["name"].startswith("kpulse_") for name in self.database.query("SHOW MEASUREMENTS")))
        self.assertEqual(self.database.query("SELECT * FROM \"evil\""), [])

    def test_tag_values_cannot_bring_in_tags(self):
        for tag in ("0,evil=1", "0 busy_ns=9i", "0\nkpulse_evil,x=y z=1i", "", "0\\"):
            self.publisher.publish(TOPIC, wire.frame(HOST, 1, self.window, body=wire.series(wire.SCHED, [tag], wire.column(wire.BUSY, [1]))))
        self.publish_good()
        keys = {row["tagKey"] for row in self.database.query("SHOW TAG KEYS")}
        self.assertLessEqual(keys, {"cpu", "host", "le"})
        self.assertTrue(all(name["name"].startswith("kpulse_sched") for name in self.database.query("SHOW MEASUREMENTS")))

    def test_a_flood_of_garbage_makes_few_log_lines(self):
        lines = len(self.bridge.output().splitlines())
        for _ in range(300):
            self.publisher.publish(TOPIC, b"\xff\xff\xff")
        wait_until(lambda: self.dropped("malformed") == 300, "all are counted")
        self.assertLess(len(self.bridge.output().splitlines()) - lines, 10)
        self.publish_good()

    def test_bad_states_and_foreign_topics_do_no_harm(self):
        for topic in (f"kpulse/v1/{HOST}/state", f"kpulse/v1/{HOST}/other", "kpulse/v1/a/b/c/frame", "kpulse/v2/x/frame"):
            self.publisher.publish(topic, b"\xff\xff\xff")
        self.publish_good()
        self.assertTrue(self.bridge.alive(), self.bridge.output())
