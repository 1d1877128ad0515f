"""frame-size: bytes of a frame of ten 10 ms windows as a subscriber receives it, under load."""

import bench
import support
import wire

NEEDS = (bench.BPF, bench.MOSQUITTO, bench.TWO_CPUS)
FRAMES = 120
WINDOWS, WINDOWS_FIELD = 10, 7


def run(stage):
    broker = support.Broker(stage)
    support.Load(stage)
    support.Agent(stage, broker, "--window", "10ms", "--publish", "100ms")
    with wire.Publisher(broker.port, "bench") as subscriber:
        subscriber.subscribe(f"kpulse/v1/{support.HOST}/frame")
        subscriber.receive(30)  # the first frame of a stream may begin in the middle
        sizes, machine = [], bench.Machine()
        while len(sizes) < FRAMES:
            payload = subscriber.receive()[1]
            if wire.parse(payload)[WINDOWS_FIELD] == [WINDOWS]:
                sizes.append(len(payload))
    rate = machine.switches_per_second()
    stage.figure("frame-size", bench.median(sizes), "bytes", "<= 2048")
    stage.figure("frame-size.p95", bench.percentile(sizes, 95), "bytes")
    stage.figure("frame-size.largest", max(sizes), "bytes")
    stage.figure("frame-size.switches", rate, "1/s")
