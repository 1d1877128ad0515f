"""lateness: what an agent that comes late loses: windows of 1 ms, no real-time priority, and all else on the machine comes first."""

import os
import pathlib
import time

import bench
import support

NEEDS = (bench.BPF, bench.MOSQUITTO)
SECONDS = 30
HOGS_A_CPU = 4


def come_last(pid):
    """A process and, where the kernel makes each session a group of its own (autogroup), its group."""
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        os.setpriority(os.PRIO_PROCESS, int(thread.name), 19)
    group = pathlib.Path(f"/proc/{pid}/autogroup")
    if group.exists():
        group.write_text("19")


def run(stage):
    agent = support.Agent(stage, support.Broker(stage), "--window", "1ms", "--realtime", "off")
    support.wait_until(lambda: agent.metrics.get("kpulse_agent_frames_acknowledged_total") > 5, "the agent measures")
    come_last(agent.popen.pid)
    bench.say(f"lateness: {SECONDS} s beside {HOGS_A_CPU} hogs on each CPU")
    for cpu in range(support.CPUS):
        support.Process(stage, "ping_pong", [support.BIN / "bench_ping_pong", cpu])
        for _ in range(HOGS_A_CPU):
            support.Process(stage, "hog", ["sh", "-c", "while :; do :; done"])
    time.sleep(SECONDS)
    for process in stage.processes:
        if process.name in ("hog", "ping_pong"):
            process.kill()
    time.sleep(3)  # it makes up for what it has not done, and what is still missing a second later is lost
    counters = agent.metrics.read()
    stage.figure("lateness.windows", SECONDS * 1000 * support.CPUS, "windows")
    stage.figure("lateness.ticks-late", counters["kpulse_agent_ticks_late_total"], "ticks", ">= 1")
    for name, unit in (("windows_lost", "windows"), ("ring_dropped", "records"), ("events_dropped", "events")):
        stage.figure(f"lateness.{name.replace('_', '-')}", counters[f"kpulse_agent_{name}_total"], unit, "<= 0")
    stage.figure("lateness.windows-late", counters["kpulse_agent_windows_late_total"], "windows")
