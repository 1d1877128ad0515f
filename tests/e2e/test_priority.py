"""The agent's loop runs when nobody else can, where that is permitted and wanted."""

import pathlib
import unittest

import support
from support import wait_until

SCHED_OTHER, SCHED_RR = 0, 2
POLICY, NICE = 41, 19  # fields of /proc/PID/stat, from 1


@support.needs_bpf
class Priority(support.TestCase):
    def setUp(self):
        super().setUp()
        self.broker = support.Broker(self)

    def agent(self, *more, before=()):
        agent = support.Agent(self, self.broker, *more, before=before)
        # Frames are made by the loop, and it has its priority before the first one; what is published before that is that the agent is there.
        wait_until(lambda: agent.metrics.get("kpulse_agent_frames_published_total") > 2, "the agent measures")
        return agent

    @staticmethod
    def threads(agent):
        """{thread: [fields of its stat]}; the one whose number is the process's is the loop's."""
        found = {}
        for folder in pathlib.Path(f"/proc/{agent.popen.pid}/task").iterdir():
            text = (folder / "stat").read_text()
            found[int(folder.name)] = [None, None, None] + text.rsplit(") ", 1)[1].split()
        return found

    def of_loop(self, agent, field):
        return int(self.threads(agent)[agent.popen.pid][field])

    def while_it_loads(self, agent):
        """What the loop's thread has had before the agent answers: {(policy, nice value)}"""
        seen = set()

        def answers():
            self.assertTrue(agent.alive(), agent.output())
            seen.add((self.of_loop(agent, POLICY), self.of_loop(agent, NICE)))
            return agent.metrics.read()

        wait_until(answers, "the agent answers")
        return seen

    @unittest.skipUnless(support.may_be_realtime(), "real-time priority is not permitted here")
    def test_the_loop_is_real_time_and_no_other_thread(self):
        agent = self.agent()
        policies = {thread: int(fields[POLICY]) for thread, fields in self.threads(agent).items()}
        self.assertEqual(policies.pop(agent.popen.pid), SCHED_RR)
        self.assertGreater(len(policies), 0)
        self.assertEqual(set(policies.values()), {SCHED_OTHER})
        self.assertEqual(agent.metrics.get("kpulse_agent_priority"), 2)
        self.assertIn("SCHED_RR 1", agent.output())
        limits = pathlib.Path(f"/proc/{agent.popen.pid}/limits").read_text()
        self.assertRegex(limits, r"Max realtime timeout +200000 +2000000 ", "the kernel stops a loop that does not pause")

    @unittest.skipUnless(support.may_be_realtime(), "real-time priority is not permitted here")
    def test_programs_are_loaded_at_a_better_nice_value_which_no_other_thread_gets(self):
        agent = support.Agent(self, self.broker)
        self.assertIn((SCHED_OTHER, -10), self.while_it_loads(agent))
        nice = {thread: int(fields[NICE]) for thread, fields in self.threads(agent).items() if thread != agent.popen.pid}
        self.assertEqual(set(nice.values()), {0})

    @unittest.skipUnless(support.may_be_realtime(), "real-time priority is not permitted here")
    def test_it_is_not_when_it_is_not_wanted(self):
        agent = support.Agent(self, self.broker, "--realtime", "off")
        self.assertEqual(self.while_it_loads(agent), {(SCHED_OTHER, 0)})
        wait_until(lambda: agent.metrics.get("kpulse_agent_frames_published_total") > 2, "the agent measures")
        self.assertEqual(self.of_loop(agent, POLICY), SCHED_OTHER)
        self.assertEqual(self.of_loop(agent, NICE), 0)
        self.assertEqual(agent.metrics.get("kpulse_agent_priority"), 0)

    def test_without_the_capability_it_measures_at_normal_priority_and_says_so(self):
        agent = self.agent(before=("setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice", "prlimit", "--rtprio=0", "--nice=0"))
        self.assertEqual(self.of_loop(agent, POLICY), SCHED_OTHER)
        self.assertEqual(agent.metrics.get("kpulse_agent_priority"), 0)
        self.assertIn("real-time priority was refused", agent.output())

    def test_its_memory_is_locked(self):
        agent = self.agent()

        def locked():
            status = pathlib.Path(f"/proc/{agent.popen.pid}/status").read_text()
            return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmLck"))) > 0

        wait_until(lambda: locked() or "memory cannot be locked" in agent.output(), "memory is locked, or it is said that it cannot be")
