"""From the kernel to the database: every window of every CPU, exactly once."""

import support
from support import CPUS, HOST, WINDOW_NS, wait_until

LENGTH_NS = 30_000_000_000


@support.needs_bpf
class Pipeline(support.TestCase):
    def test_thirty_seconds_under_load_lose_nothing(self):
        broker, database = support.Broker(self), support.Database(self)
        bridge = support.Bridge(self, broker, database.url).wait_connected()
        support.Load(self)
        agent = support.Agent(self, broker)
        wait_until(database.newest, "there are windows")
        # Frames are no measure of time: some only say again what was not known when it was published.
        begin = database.query("SELECT first(\"busy_ns\") FROM \"kpulse_sched\"")[0]["time"]
        wait_until(lambda: database.newest() >= begin + LENGTH_NS, "30 s of windows are in the database")
        status, _ = agent.terminate()
        self.assertEqual(status, 0, agent.output())
        frames = agent.frames()
        wait_until(lambda: bridge.committed() >= frames, f"all {frames} frames are committed")
        self.assertEqual(bridge.committed(), frames)
        self.assertEqual(bridge.metrics.get("kpulse_bridge_frames_missing"), 0)
        self.check_windows(database)

    def check_windows(self, database):
        windows = database.windows()
        self.assertEqual(len(windows), CPUS)
        for cpu, starts in windows.items():
            self.assertGreaterEqual(len(starts), LENGTH_NS // WINDOW_NS - 10, f"cpu {cpu}")
            gaps = [b - a for a, b in zip(starts, starts[1:]) if b - a != WINDOW_NS]
            self.assertEqual(gaps, [], f"cpu {cpu}: windows that are missing or doubled")
            row = database.query(f"SELECT count(\"busy_ns\"), sum(\"busy_ns\") AS busy, sum(\"idle_ns\") AS idle, sum(\"switches\") AS switches"
                                 f" FROM \"kpulse_sched\" WHERE \"host\" = '{HOST}' AND \"cpu\" = '{cpu}'")[0]
            self.assertEqual(row["count"], (starts[-1] - starts[0]) // WINDOW_NS + 1)
            # Not to the ns: windows follow the wall clock, so when its distance from the run queue's clock has changed, their bounds are
            # moved (by about 20 us, WindowClock::kToleranceNs), and the window in which that happens is so much longer or shorter.
            length = len(starts) * WINDOW_NS
            self.assertLess(abs(row["busy"] + row["idle"] - length), 0.0005 * length)
            self.assertGreater(row["busy"], row["idle"], "the load is seen")
            self.assertGreater(row["switches"], 10 * len(starts) // 10)
