"""What the agent comes late for is not lost: it is stopped for two seconds and then makes up for them."""

import os
import signal
import time

import support
import wire
from support import HOST, SETTLED_NS, wait_until

STOPPED_S = 2
# The kernel keeps what was counted for 3 s (kSlotsNs). That is from when the agent last looked, up to 0.1 s before it is stopped (the time
# between two frames), to when it looks again, for which it has to get to run.
HELD_NS = 2_700_000_000
ATTEMPTS = 5
BLOCK, AGENT, WINDOWS_LOST = 10, 4, 12  # kpulse_block; kpulse_agent and its field
SEQUENCE, FIRST_WINDOW = 4, 6  # of a frame
ABSENT = 3  # of a series


@support.needs_bpf
class Late(support.TestCase):
    def setUp(self):
        super().setUp()
        self.database = support.Database(self)
        self.broker = support.Broker(self)
        self.bridge = support.Bridge(self, self.broker, self.database.url).wait_connected()
        support.Load(self)  # something happens in each window

    def stopped_for_a_while(self, window_ms):
        """An agent that was stopped, but not for longer than the kernel keeps what it comes late for, however long this test was held up
        itself; who listens to all its frames; and when it was stopped and went on, as read right before and right after."""
        for attempt in range(ATTEMPTS):
            listener = wire.Publisher(self.broker.port, f"listener-{attempt}")
            self.addCleanup(listener.close)
            listener.subscribe(f"kpulse/v1/{HOST}/frame")
            agent = support.Agent(self, self.broker, "--window", f"{window_ms}ms")
            wait_until(lambda: agent.metrics.get("kpulse_agent_frames_published_total") > 5, "the agent measures")
            stopped = time.time_ns()
            os.kill(agent.popen.pid, signal.SIGSTOP)
            time.sleep(STOPPED_S)
            os.kill(agent.popen.pid, signal.SIGCONT)
            went_on = time.time_ns()
            if went_on - stopped < HELD_NS:
                return agent, listener, stopped, went_on
            agent.kill()
        self.fail(f"{ATTEMPTS} times, {STOPPED_S} s took more than {HELD_NS / 1e9} s")

    def lost_windows_of_cpus(self, listener, window_ns, since):
        """How many windows of CPUs the agent has lost, by the first of its frames after this time that tells of the agent itself. Its
        counter also has windows of disks: their rings hold but 0.26 s of 1 ms windows and 1.28 s of 10 ms windows (KP_BLOCK_RING_BITS_*),
        so that in 2 s some are lost when anybody uses a disk. Each of these is absent in a frame, once."""
        of_disks = sequence = 0
        while True:
            _, payload, _ = listener.receive()
            frame, sequence = wire.parse(payload), sequence + 1
            self.assertEqual(frame[SEQUENCE], [sequence], "this test has every frame")
            of_disks += sum(len(wire.numbers_of(series, ABSENT)) for series in wire.series_of(payload, BLOCK))
            agent = wire.series_of(payload, AGENT)
            if agent and frame[FIRST_WINDOW][0] * window_ns > since:
                return sum(wire.values_of(agent[0], WINDOWS_LOST)) - of_disks

    def check(self, window_ms):
        window_ns = window_ms * 1_000_000
        agent, listener, stopped, went_on = self.stopped_for_a_while(window_ms)
        # Lost is what has not come a second after it was published.
        wait_until(lambda: self.database.newest() > went_on + SETTLED_NS, "the agent has gone on for a while")
        # What the scheduler's ring drops is windows, and they would be among these. The agent's counter of dropped records is no measure of
        # that: it has those of disks and stalls as well, whose rings are not made for 2 s of everybody's I/O.
        self.assertEqual(self.lost_windows_of_cpus(listener, window_ns, went_on + SETTLED_NS), 0)
        self.assertEqual(agent.metrics.read()["kpulse_agent_events_dropped_total"], 0)
        wanted = range(stopped // window_ns, went_on // window_ns)
        self.assertGreaterEqual(len(wanted), STOPPED_S * 1000 // window_ms)
        found = wait_until(self.database.windows, "there are windows")
        self.assertEqual(len(found), support.CPUS)
        for cpu, starts in found.items():
            numbers = {start // window_ns for start in starts}
            self.assertEqual([window for window in wanted if window not in numbers], [], f"CPU {cpu}")

    def test_at_ten_milliseconds_no_window_is_lost(self):
        self.check(10)

    def test_at_one_millisecond_no_window_is_lost(self):
        self.check(1)
