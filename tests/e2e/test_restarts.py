"""Agent, broker and database go away and come back: all reconnect by themselves, and what was lost is counted."""

import support
from support import WINDOW_NS, wait_until

FRAME_WINDOWS = 10  # of a regular frame; it begins at a multiple of them


@support.needs_bpf
class Restarts(support.TestCase):
    def setUp(self):
        super().setUp()
        self.broker, self.database = support.Broker(self), support.Database(self)
        self.bridge = support.Bridge(self, self.broker, self.database.url).wait_connected()

    def missing(self):
        return self.bridge.metrics.get("kpulse_bridge_frames_missing")

    def run_for_frames(self, count):
        """Until so many more frames are committed."""
        target = self.bridge.committed() + count
        wait_until(lambda: self.bridge.committed() >= target, f"{count} more frames are committed")

    def stop_agent(self, agent):
        """Ends the agent; returns how many frames it made once the bridge has them or has counted them as missing."""
        status, _ = agent.terminate()
        self.assertEqual(status, 0, agent.output())
        return agent.frames()

    def gaps(self):
        """Lengths, in windows, of what is missing between the windows of each CPU."""
        return {cpu: [(b - a) // WINDOW_NS - 1 for a, b in zip(starts, starts[1:]) if b - a != WINDOW_NS]
                for cpu, starts in self.database.windows().items()}

    def regular_frames(self):
        """How many frames of one stream the windows in the database are from, those that are missing between them included. What an agent
        has made besides says again what was not known when it was published, or could not wait for the end of its frame."""
        starts = [start for of_cpu in self.database.windows().values() for start in (of_cpu[0], of_cpu[-1])]
        frame_ns = FRAME_WINDOWS * WINDOW_NS
        return max(starts) // frame_ns - min(starts) // frame_ns + 1

    def test_a_restarted_agent_begins_a_new_stream_and_nothing_is_missing_in_either(self):
        first = support.Agent(self, self.broker)
        self.run_for_frames(20)
        frames = self.stop_agent(first)
        second = support.Agent(self, self.broker)
        self.run_for_frames(20)
        frames += self.stop_agent(second)
        wait_until(lambda: self.bridge.committed() == frames, "the frames of both runs are committed")
        self.assertEqual(self.missing(), 0)
        for cpu, gaps in self.gaps().items():
            self.assertLessEqual(len(gaps), 1, f"cpu {cpu}: only the time between the two runs is missing")

    def test_a_restarted_broker_costs_only_what_the_bridge_counts(self):
        agent = support.Agent(self, self.broker)
        self.run_for_frames(20)
        self.broker.process.kill()
        wait_until(lambda: agent.metrics.get("kpulse_agent_connected") == 0, "the agent has noticed")
        self.broker.start()
        self.run_for_frames(50)
        frames = self.stop_agent(agent)
        wait_until(lambda: self.bridge.committed() + self.missing() >= frames, "each frame is committed or counted")
        self.assertEqual(self.bridge.committed() + self.missing(), frames)
        lost = FRAME_WINDOWS * self.missing()
        others = frames - self.regular_frames()
        for cpu, gaps in self.gaps().items():
            # A missing frame may be one of the others, with no windows of its own; and one that came may have had windows of a missing one.
            self.assertLessEqual(sum(gaps), lost, f"cpu {cpu}: no more windows are missing than those of the missing frames")
            if others == 0:
                self.assertEqual(sum(gaps), lost, f"cpu {cpu}: the missing windows are those of the missing frames")

    def test_a_restarted_database_costs_nothing(self):
        agent = support.Agent(self, self.broker)
        self.run_for_frames(20)
        self.database.process.terminate()
        published = agent.metrics.get("kpulse_agent_frames_published_total")
        wait_until(lambda: agent.metrics.get("kpulse_agent_frames_published_total") >= published + 30,
                   "3 s pass without a database")
        self.database.start()
        self.run_for_frames(60)
        frames = self.stop_agent(agent)
        wait_until(lambda: self.bridge.committed() >= frames, f"all {frames} frames are committed")
        self.assertEqual(self.bridge.committed(), frames)
        self.assertEqual(self.missing(), 0)
        for cpu, gaps in self.gaps().items():
            self.assertEqual(gaps, [], f"cpu {cpu}")

    def test_an_agent_without_a_broker_keeps_the_newest_frames_and_counts_the_others(self):
        self.broker.process.terminate()
        agent = support.Agent(self, self.broker, "--publish", "10ms", "--mqtt-queue", "64KiB")
        discarded = lambda: agent.metrics.get("kpulse_agent_frames_discarded_total")  # noqa: E731
        wait_until(lambda: discarded() > 20, "the queue overflows")
        self.assertLessEqual(agent.metrics.get("kpulse_agent_queue_bytes"), 64 << 10)
        self.broker.start()
        self.run_for_frames(50)
        gone = discarded()
        frames = self.stop_agent(agent)
        wait_until(lambda: self.bridge.committed() + self.missing() >= frames, "each frame is committed or counted")
        self.assertEqual(self.bridge.committed() + self.missing(), frames)
        # More may be missing: what the broker took before the bridge was back.
        self.assertGreaterEqual(self.missing(), gone)
