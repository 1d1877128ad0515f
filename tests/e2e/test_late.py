"""What the agent comes late for is not lost: it is stopped for two seconds and then makes up for them."""

import os
import signal
import time

import support
from support import wait_until

STOPPED_S = 2


@support.needs_bpf
class Late(support.TestCase):
    def setUp(self):
        super().setUp()
        self.database = support.Database(self)
        self.broker = support.Broker(self)
        self.bridge = support.Bridge(self, self.broker, self.database.url).wait_connected()
        support.Load(self)  # something happens in each window

    def stopped_for_a_while(self, window_ms):
        agent = support.Agent(self, self.broker, "--window", f"{window_ms}ms")
        wait_until(lambda: agent.metrics.get("kpulse_agent_frames_published_total") > 5, 30, "the agent measures")
        stopped = time.time_ns()
        os.kill(agent.popen.pid, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        os.kill(agent.popen.pid, signal.SIGCONT)
        went_on = time.time_ns()
        # Lost is what has not come a second after it was published.
        wait_until(lambda: self.newest() > went_on + 1_500_000_000, 30, "the agent has gone on for a while")
        counters = agent.metrics.read()
        return stopped, went_on, counters

    def newest(self):
        rows = self.database.query(f"SELECT last(\"busy_ns\") FROM \"kpulse_sched\" WHERE \"host\" = '{support.HOST}'")
        return rows[0]["time"] if rows else 0

    def check(self, window_ms):
        window_ns = window_ms * 1_000_000
        stopped, went_on, counters = self.stopped_for_a_while(window_ms)
        for name in ("windows_lost", "ring_dropped", "events_dropped"):
            self.assertEqual(counters[f"kpulse_agent_{name}_total"], 0, name)
        wanted = range(stopped // window_ns, went_on // window_ns)
        self.assertGreaterEqual(len(wanted), STOPPED_S * 1000 // window_ms)
        found = wait_until(self.database.windows, 10, "there are windows")
        self.assertEqual(len(found), support.CPUS)
        for cpu, starts in found.items():
            numbers = {start // window_ns for start in starts}
            self.assertEqual([window for window in wanted if window not in numbers], [], f"CPU {cpu}")

    def test_at_ten_milliseconds_no_window_is_lost(self):
        self.check(10)

    def test_at_one_millisecond_no_window_is_lost(self):
        self.check(1)
