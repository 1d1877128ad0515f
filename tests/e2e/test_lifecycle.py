"""How the programs begin and end."""

import signal
import time

import support
import wire
from support import HOST, wait_until

ONLINE = 4
STATE = f"kpulse/v1/{HOST}/state"
# What docs/OPERATIONS.md ("Exit status") and Agent::run() promise, whoever answers. Without a broker the agent waits for one for all of
# kFarewellLimit (1.2 s) and at most 150 ms more for its thread; what is left is for reading the kernel once more and for detaching.
# It is of an agent that has a processor when it needs one: what it was starved of is left out by terminate().
LIMIT_S = 2


@support.needs_bpf
class Lifecycle(support.TestCase):
    def setUp(self):
        super().setUp()
        self.broker, self.database = support.Broker(self), support.Database(self)

    def test_sigterm_ends_the_agent_within_two_seconds_and_its_last_windows_arrive(self):
        bridge = support.Bridge(self, self.broker, self.database.url).wait_connected()
        agent = support.Agent(self, self.broker, "--publish", "1s")
        wait_until(lambda: bridge.committed() >= 2, "frames arrive")
        begin = time.time_ns()
        status, seconds = agent.terminate()
        self.assertEqual(status, 0, agent.output())
        self.assertLess(seconds, LIMIT_S)
        wait_until(lambda: bridge.committed() == agent.frames(), "the rest is committed")
        for cpu, starts in self.database.windows().items():
            # The last whole window ended at most one window before the signal.
            self.assertGreater(starts[-1] + 2 * wire.WINDOW_NS, begin, f"cpu {cpu}")

    def test_sigint_ends_the_agent_as_well(self):
        agent = support.Agent(self, self.broker)
        wait_until(lambda: agent.metrics.get("kpulse_agent_connected") == 1, "the agent is connected")
        status, seconds = agent.terminate(with_signal=signal.SIGINT)
        self.assertEqual(status, 0, agent.output())
        self.assertLess(seconds, LIMIT_S)

    def test_sigterm_makes_the_bridge_write_what_it_still_holds(self):
        bridge = support.Bridge(self, self.broker, self.database.url, "--batch-interval", "10s", "--batch-lines", "100000")
        bridge.wait_connected()
        with wire.Publisher(self.broker.port) as publisher:
            first = wire.current_window()
            for sequence in range(1, 6):
                publisher.publish(f"kpulse/v1/{HOST}/frame", wire.frame(HOST, sequence, first + sequence))
            wait_until(lambda: bridge.metrics.get("kpulse_bridge_frames_received_total") == 5, "the bridge has them")
        status, seconds = bridge.terminate()
        self.assertEqual(status, 0, bridge.output())
        self.assertLess(seconds, 5)
        self.assertEqual(len(self.database.windows()["0"]), 5)

    def test_sigterm_ends_an_agent_whose_broker_is_away(self):
        self.broker.process.terminate()
        agent = support.Agent(self, self.broker)
        wait_until(lambda: agent.metrics.get("kpulse_agent_queue_frames") > 3, "frames wait")
        status, seconds = agent.terminate()
        self.assertEqual(status, 0, agent.output())
        self.assertLess(seconds, LIMIT_S)

    def test_birth_is_retained_and_the_will_tells_of_a_killed_agent(self):
        agent = support.Agent(self, self.broker)
        wait_until(lambda: agent.metrics.get("kpulse_agent_connected") == 1, "the agent is connected")
        with wire.Publisher(self.broker.port) as late:
            late.subscribe(STATE)
            topic, payload, retained = late.receive()
            birth = wire.parse(payload)
            self.assertEqual((topic, retained), (STATE, True))
            self.assertEqual(birth[ONLINE], [1])
            self.assertEqual(birth[2], [HOST.encode()])
            self.assertIn(9, birth, "it says what it measures with")
            agent.kill()
            _, payload, _ = late.receive()
            will = wire.parse(payload)
            self.assertNotIn(ONLINE, will)
            self.assertEqual(will[3], birth[3], "of the same stream")
        with wire.Publisher(self.broker.port, "later") as later:
            later.subscribe(STATE)
            self.assertNotIn(ONLINE, wire.parse(later.receive()[1]), "the will is retained")

    def test_a_stopped_agent_says_goodbye(self):
        agent = support.Agent(self, self.broker)
        wait_until(lambda: agent.metrics.get("kpulse_agent_connected") == 1, "the agent is connected")
        agent.terminate()
        with wire.Publisher(self.broker.port) as later:
            later.subscribe(STATE)
            self.assertNotIn(ONLINE, wire.parse(later.receive()[1]))
