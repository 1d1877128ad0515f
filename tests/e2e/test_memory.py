"""An OOM kill is at the subscriber at once, however long the publish interval is."""

import os
import pathlib
import subprocess
import time
import unittest

import support
import wire
from support import HOST, wait_until

MEMORY = pathlib.Path("/sys/fs/cgroup/memory")
LIMIT_BYTES = 64 << 20
HOG = "import mmap, sys\nprint(flush=True)\nsys.stdin.read(1)\nm = mmap.mmap(-1, 256 << 20)\nfor at in range(0, len(m), 4096): m[at] = 1\n"
OOM, VICTIM = 22, 1  # the measurement kpulse_oom and its field
FIRST_WINDOW, WINDOWS, TASKS = 6, 7, 8  # of a frame
TIMES = 5  # of a series
PID = 1  # of a task
WINDOW_NS, PUBLISH_NS = 1_000_000_000, 10_000_000_000
GRACE_NS = 2_000_000  # Schedule::kGraceNs: so long after the end of a window the agent looks by itself
ATTEMPTS = 5


def kills(frame):
    """{pid: when, in ns since 1970} of those whose end is in the frame."""
    tasks = [wire.parse(task) for task in wire.parse(frame).get(TASKS, [])]
    found = {}
    for series in wire.series_of(frame, OOM):
        victims = wire.values_of(series, VICTIM)  # 0 is none, else index + 1
        found.update((tasks[victim - 1][PID][0], when) for victim, when in zip(victims, wire.numbers_of(series, TIMES)) if victim > 0)
    return found


def second_begins():
    """Whether there is most of a second until the agent looks by itself, and some seconds until it publishes by itself."""
    now = time.time_ns()
    return now % WINDOW_NS < 100_000_000 and now % PUBLISH_NS < 7_000_000_000


@unittest.skipUnless(os.access(MEMORY / "memory.limit_in_bytes", os.W_OK), f"no writable v1 memory controller at {MEMORY}")
class OomKill(support.TestCase):
    @support.needs_bpf
    def test_an_oom_kill_is_at_the_subscriber_before_anything_is_due(self):
        broker = support.Broker(self)
        self.subscriber = wire.Publisher(broker.port, "kp-test-oom")
        self.addCleanup(self.subscriber.close)
        self.subscriber.subscribe(f"kpulse/v1/{HOST}/frame")
        support.Agent(self, broker, "--window", "1s", "--publish", "10s")  # only the kill itself makes it look within 1 s
        self.subscriber.receive()  # the agent measures
        self.make_group()
        for _ in range(ATTEMPTS):
            happened, looked_from, arrived = self.kill_one()
            # Later than half a second after it began, a kill would say nothing of what made the agent look: it is in the first half that
            # the agent has half a second for it, whoever holds it up. (And in the first 2 ms it looks anyway.)
            if GRACE_NS < happened % WINDOW_NS < WINDOW_NS // 2:
                break
        else:
            self.fail(f"none of {ATTEMPTS} kills was in the first half of a second")
        print(f"        arrived {(arrived - happened) / 1e6:.1f} ms after the kill")
        # The frame itself says when the agent looked: it has every window that was over then. Had it not looked because of the kill, but
        # when it does so by itself, then the second of the kill would be over and in the frame. No time limit can tell the two apart when
        # the broker or this test is held up; this can.
        self.assertGreaterEqual(happened, looked_from, "the agent did not look before the second was over")
        self.assertLess(arrived, (happened // PUBLISH_NS + 1) * PUBLISH_NS, "it came no sooner than the next regular frame")

    def make_group(self):
        self.group = MEMORY / f"kp_e2e_{os.getpid()}"
        self.group.mkdir()
        self.addCleanup(lambda: wait_until(lambda: not self.group.exists() or self.group.rmdir() is None, "the cgroup is gone"))
        (self.group / "memory.limit_in_bytes").write_text(str(LIMIT_BYTES))

    def kill_one(self):
        """Has a process killed; returns when that was, the end of the windows in the frame that says so, and when this frame came; all of
        them in ns since 1970."""
        with subprocess.Popen(["python3", "-c", HOG], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hog:
            (self.group / "cgroup.procs").write_text(str(hog.pid))
            hog.stdout.readline()  # it is ready
            wait_until(second_begins, "a second begins")
            hog.stdin.write(b"x")
            hog.stdin.close()
            frame, arrived = self.frame_about(hog.pid)
            self.assertEqual(hog.wait(support.PATIENCE), -9)
        fields = wire.parse(frame)
        return kills(frame)[hog.pid], (fields[FIRST_WINDOW][0] + fields.get(WINDOWS, [0])[0]) * WINDOW_NS, arrived

    def frame_about(self, pid):
        """The frame that says that this process was killed, and when it came. Others may come first: late ones, which say again what was
        said, and those about somebody else's processes."""
        deadline = time.monotonic() + support.PATIENCE
        while time.monotonic() < deadline:
            _, frame, _ = self.subscriber.receive()
            arrived = time.time_ns()
            if pid in kills(frame):
                return frame, arrived
        self.fail(f"no frame says that process {pid} was killed")
