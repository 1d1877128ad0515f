"""frame-size: bytes of a frame of ten 10 ms windows as a subscriber receives it, under load."""

import pathlib

import bench
import crowd
import support
import wire

NEEDS = (bench.BPF, bench.MOSQUITTO, bench.TWO_CPUS)
FRAMES = 120
WINDOWS, WINDOWS_FIELD = 10, 7
DISKS, CGROUPS, TASKS = 4, 20, 100
CGROUP_SCHED, BLOCK = 6, 10


def run(stage):
    support.Load(stage)
    frames, rate = frames_under_load(stage)
    figures(stage, "frame-size", frames, "<= 2048")
    stage.figure("frame-size.switches", rate, "1/s")
    stage.clear()
    if not pathlib.Path("/sys/class/zram-control").exists():
        bench.say("frame-size: with disks: this machine lacks zram (modprobe zram)")
        return
    crowd.start(stage, CGROUPS, TASKS)
    crowd.start_disks(stage, DISKS)
    frames, rate = frames_under_load(stage)
    figures(stage, "frame-size.busy", frames, "<= 4096")
    stage.figure("frame-size.busy.switches", rate, "1/s")
    stage.figure("frame-size.busy.disks", bench.median([len(tags(frame, BLOCK)) for frame in frames]), "in a frame", f">= {DISKS}")
    stage.figure("frame-size.busy.cgroups", bench.median([len(tags(frame, CGROUP_SCHED)) for frame in frames]), "in a frame",
                 f">= {CGROUPS}")


def frames_under_load(stage):
    """Whole frames, and switches per second of the machine meanwhile."""
    broker = support.Broker(stage)
    support.Agent(stage, broker, "--window", "10ms", "--publish", "100ms")
    with wire.Publisher(broker.port, "bench") as subscriber:
        subscriber.subscribe(f"kpulse/v1/{support.HOST}/frame")
        subscriber.receive()  # the first frame of a stream may begin in the middle
        frames, machine = [], bench.Machine()
        while len(frames) < FRAMES:
            payload = subscriber.receive()[1]
            if wire.parse(payload)[WINDOWS_FIELD] == [WINDOWS]:
                frames.append(payload)
    return frames, machine.switches_per_second()


def figures(stage, name, frames, target):
    sizes = [len(frame) for frame in frames]
    stage.figure(name, bench.median(sizes), "bytes", target)
    stage.figure(f"{name}.p95", bench.percentile(sizes, 95), "bytes")
    stage.figure(f"{name}.largest", max(sizes), "bytes")


def tags(frame, measurement):
    """Values of the first tag that a measurement has in the frame."""
    return {names[0] for names in wire.tags_of(frame, measurement)}
