"""An OOM kill is at the subscriber at once, however long the publish interval is."""

import os
import pathlib
import socket
import subprocess
import time
import unittest

import support
import wire
from support import HOST, wait_until

MEMORY = pathlib.Path("/sys/fs/cgroup/memory")
LIMIT_BYTES = 64 << 20
HOG = "import mmap\nm = mmap.mmap(-1, 256 << 20)\nfor at in range(0, len(m), 4096): m[at] = 1\n"
OOM = wire.number(1, 22)  # the measurement kpulse_oom, first in its series



class Subscriber:
    """Just enough of MQTT 3.1.1 to read what is published on one topic."""

    def __init__(self, port, topic):
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.socket.sendall(self.packet(0x10, b"\0\4MQTT\4\2\0\0" + self.text("kp-test-oom")))
        self.read()
        self.socket.sendall(self.packet(0x82, b"\0\1" + self.text(topic) + b"\0"))
        self.read()

    @staticmethod
    def text(value):
        return len(value).to_bytes(2, "big") + value.encode()

    @staticmethod
    def packet(kind, body):
        return bytes([kind]) + wire.varint(len(body)) + body

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("the broker has closed the connection")
            data += more
        return data

    def read(self):
        self.exactly(1)
        length = shift = 0
        while True:
            byte = self.exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return self.exactly(length)


@unittest.skipUnless(os.access(MEMORY / "memory.limit_in_bytes", os.W_OK), f"no writable v1 memory controller at {MEMORY}")
class OomKill(support.TestCase):
    @support.needs_bpf
    def test_an_oom_kill_is_at_the_subscriber_within_200_ms(self):
        broker = support.Broker(self)
        support.Agent(self, broker, "--window", "1s", "--publish", "10s")  # only the kill itself makes it look within 1 s
        subscriber = Subscriber(broker.port, f"kpulse/v1/{HOST}/frame")
        subscriber.socket.settimeout(15)
        subscriber.read()  # the agent measures
        group = MEMORY / f"kp_e2e_{os.getpid()}"
        group.mkdir()
        self.addCleanup(lambda: wait_until(lambda: not group.exists() or group.rmdir() is None, 5, "the cgroup is gone"))
        (group / "memory.limit_in_bytes").write_text(str(LIMIT_BYTES))
        with subprocess.Popen(["python3", "-c", "import sys; sys.stdin.read(1)\n" + HOG], stdin=subprocess.PIPE) as hog:
            (group / "cgroup.procs").write_text(str(hog.pid))
            hog.stdin.write(b"x")
            hog.stdin.close()
            frame = subscriber.read()
            arrived = time.time_ns()
            self.assertEqual(hog.wait(10), -9)
        self.assertIn(wire.varint(hog.pid), frame)
        happened = self.event_time(frame)
        print(f"        arrived {(arrived - happened) / 1e6:.1f} ms after the kill")
        self.assertLess(arrived - happened, 200_000_000)

    def event_time(self, frame):
        """The one number in the frame that is a time within the last ten seconds, apart from the stream's (fixed64, little endian)."""
        now = time.time_ns()
        at = frame.index(OOM)
        for offset in range(at, len(frame)):
            value = shift = 0
            for byte in frame[offset:offset + 10]:
                value |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            if now - 10_000_000_000 < value <= now:
                return value
        self.fail("no time of an event in the frame")
