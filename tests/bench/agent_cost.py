"""agent-cost: CPU time, memory and maps of the agent at its default settings."""

import pathlib
import time

import bench
import crowd
import support
import wire

NEEDS = (bench.BPF, bench.MOSQUITTO)
SECONDS = 12
SETTLE_SECONDS = 3
WANTED_SWITCHES = 200_000
CGROUPS, TASKS = 256, 2_000
SLOTS = 255  # cgroups that have counters of their own, KP_CGROUP_SLOTS - 1; the rest is one row
CGROUP_SCHED = 6  # kpulse_cgroup_sched
MIB = 1 << 20
WINDOW_SLOTS = 512  # of a CPU, at 10 ms: userspace/bpf/window_slots.h
# linux/bpf.h: the kinds whose values exist once per possible CPU, and the ring buffer, which the agent makes larger
# where there are more of them.
GROWING_KINDS = {5: "percpu_hash", 6: "percpu_array", 10: "lru_percpu_hash", 21: "percpu_cgroup_storage", 27: "ringbuf"}


def run(stage):
    few_tasks(stage)
    stage.clear()
    many_cgroups(stage)


def start_agent(stage, broker):
    agent = support.Agent(stage, broker)
    acknowledged = "kpulse_agent_frames_acknowledged_total"
    support.wait_until(lambda: agent.metrics.get(acknowledged) > 0, "the first frame is out")
    time.sleep(SETTLE_SECONDS)  # what starting cost is over
    return agent


def few_tasks(stage):
    agent = start_agent(stage, support.Broker(stage))
    measure(stage, agent, "idle", "<= 1")
    for cpu in range(support.CPUS):
        support.Process(stage, "ping_pong", [support.BIN / "bench_ping_pong", cpu])
    time.sleep(1)
    switches = measure(stage, agent, "load", "<= 2")
    stage.figure("agent-cost.switches", switches, "1/s", f">= {WANTED_SWITCHES}")
    stage.figure("agent-cost.rss", bench.rss_bytes(agent.popen.pid) / 1e6, "MB", "<= 15")
    maps(stage, agent.popen.pid)
    losses(stage, agent, "agent-cost")


def many_cgroups(stage):
    bench.say(f"agent-cost: {TASKS} tasks in {CGROUPS} cgroups")
    crowd.start(stage, CGROUPS, TASKS)
    broker = support.Broker(stage)
    agent = start_agent(stage, broker)
    switches = measure(stage, agent, "crowd", "<= 2")
    stage.figure("agent-cost.crowd.switches", switches, "1/s")
    stage.figure("agent-cost.crowd.rss", bench.rss_bytes(agent.popen.pid) / 1e6, "MB", "<= 15")
    losses(stage, agent, "agent-cost.crowd")
    payload = whole_frame(broker)
    stage.figure("agent-cost.crowd.frame", len(payload), "bytes")
    stage.figure("agent-cost.crowd.cgroups", len(wire.tags_of(payload, CGROUP_SCHED)), "in a frame", f">= {0.9 * SLOTS:.0f}")


def whole_frame(broker):
    with wire.Publisher(broker.port, "bench") as subscriber:
        subscriber.subscribe(f"kpulse/v1/{support.HOST}/frame")
        return subscriber.receive()[1]


def losses(stage, agent, name):
    stage.figure(f"{name}.ring-dropped", agent.metrics.get("kpulse_agent_ring_dropped_total"), "records", "<= 0")
    stage.figure(f"{name}.windows-lost", agent.metrics.get("kpulse_agent_windows_lost_total"), "windows", "<= 0")


def measure(stage, agent, name, target):
    """CPU time of the agent over some seconds, in percent of one CPU. Returns the machine's switches per second."""
    bench.say(f"agent-cost: {name}, {SECONDS} s")
    machine, begin, used = bench.Machine(), time.monotonic(), bench.cpu_ns(agent.popen.pid)
    time.sleep(SECONDS)
    used = bench.cpu_ns(agent.popen.pid) - used
    stage.figure(f"agent-cost.{name}", used / 1e7 / (time.monotonic() - begin), "% of one CPU", target)
    stage.figure(f"agent-cost.{name}.machine-busy", 100 * machine.busy_ratio(), "%")
    return machine.switches_per_second()


def possible_cpus():
    text = pathlib.Path("/sys/devices/system/cpu/possible").read_text().strip()
    return int(text.split("-")[-1].split(",")[-1]) + 1


def bpf_maps(pid):
    """fdinfo of every BPF map a process holds, by map id."""
    found = {}
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        if "bpf-map" not in str(link.readlink()):
            continue
        text = pathlib.Path(f"/proc/{pid}/fdinfo/{link.name}").read_text()
        words = dict(line.split()[:2] for line in text.splitlines())
        info = {key: int(words[f"{key}:"]) for key in ("map_id", "map_type", "max_entries", "memlock")}
        found[info["map_id"]] = info
    return found.values()


def on_four(info, cpus):
    """memlock of a map if the machine had four CPUs: those kinds, and arrays with an entry or the slots of a CPU, grow with them."""
    grows = info["map_type"] in GROWING_KINDS or info["max_entries"] in (cpus, cpus * WINDOW_SLOTS)
    return info["memlock"] * 4 / cpus if grows else info["memlock"]


def maps(stage, pid):
    cpus = possible_cpus()
    found = bpf_maps(pid)
    stage.figure("agent-cost.maps", sum(info["memlock"] for info in found) / MIB, f"MiB on {cpus} CPUs")
    stage.figure("agent-cost.maps-4-cpus", sum(on_four(info, cpus) for info in found) / MIB, "MiB", "<= 4")
    stage.figure("agent-cost.maps-count", len(found), "maps")
