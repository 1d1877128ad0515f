"""agent-cost: CPU time, memory and maps of the agent at its default settings."""

import pathlib
import time

import bench
import support

NEEDS = (bench.BPF, bench.MOSQUITTO)
SECONDS = 12
SETTLE_SECONDS = 3
WANTED_SWITCHES = 200_000
MIB = 1 << 20
# linux/bpf.h: the kinds whose values exist once per possible CPU, and the ring buffer, which the agent makes larger
# where there are more of them.
GROWING_KINDS = {5: "percpu_hash", 6: "percpu_array", 10: "lru_percpu_hash", 21: "percpu_cgroup_storage", 27: "ringbuf"}


def run(stage):
    agent = support.Agent(stage, support.Broker(stage))
    acknowledged = "kpulse_agent_frames_acknowledged_total"
    support.wait_until(lambda: agent.metrics.get(acknowledged) > 0, 20, "the first frame is out")
    time.sleep(SETTLE_SECONDS)  # what starting cost is over
    measure(stage, agent, "idle", "<= 1")
    for cpu in range(support.CPUS):
        support.Process(stage, "ping_pong", [support.BIN / "bench_ping_pong", cpu])
    time.sleep(1)
    switches = measure(stage, agent, "load", "<= 2")
    stage.figure("agent-cost.switches", switches, "1/s", f">= {WANTED_SWITCHES}")
    stage.figure("agent-cost.rss", bench.rss_bytes(agent.popen.pid) / 1e6, "MB", "<= 15")
    maps(stage, agent.popen.pid)
    stage.figure("agent-cost.ring-dropped", agent.metrics.get("kpulse_agent_ring_dropped_total"), "records", "<= 0")
    stage.figure("agent-cost.windows-lost", agent.metrics.get("kpulse_agent_windows_lost_total"), "windows", "<= 0")


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
    """memlock of a map if the machine had four CPUs: those kinds, and arrays with an entry per CPU, grow with them."""
    grows = info["map_type"] in GROWING_KINDS or info["max_entries"] == cpus
    return info["memlock"] * 4 / cpus if grows else info["memlock"]


def maps(stage, pid):
    cpus = possible_cpus()
    found = bpf_maps(pid)
    stage.figure("agent-cost.maps", sum(info["memlock"] for info in found) / MIB, f"MiB on {cpus} CPUs")
    stage.figure("agent-cost.maps-4-cpus", sum(on_four(info, cpus) for info in found) / MIB, "MiB", "<= 4")
    stage.figure("agent-cost.maps-count", len(found), "maps")
