"""latency: from an event to the subscriber that has its window, and to the query that returns it."""

import bench
import support

NEEDS = (bench.BPF, bench.MOSQUITTO, bench.INFLUXDB)
EVENTS, POLL_MS = 300, 4


def run(stage):
    measure(stage, "latency", (), 130, 300)
    measure(stage, "latency-10ms", ("--publish", "10ms"), 30, 150)


def measure(stage, name, agent_flags, mqtt_limit, query_limit):
    bench.say(f"{name}: {EVENTS} events")
    broker, database = support.Broker(stage), support.Database(stage)
    support.Bridge(stage, broker, database.url).wait_connected()
    support.Agent(stage, broker, *agent_flags)
    support.wait_until(database.windows, "the first windows are in the database")
    measured = bench.Helper(stage, "latency", "--broker", broker.port, "--url", database.url, "--host", support.HOST,
                            "--events", EVENTS, "--poll-ms", POLL_MS).read()
    stage.clear()
    if not measured["mqtt_ms"]:
        raise RuntimeError(f"none of {EVENTS} events was found")
    stage.figure(f"{name}.events-lost", measured["lost"], "events", "<= 0")
    for what, limit in (("mqtt", mqtt_limit), ("query", query_limit)):
        times = measured[f"{what}_ms"]
        stage.figure(f"{name}.{what}-p50", bench.percentile(times, 50), "ms")
        stage.figure(f"{name}.{what}-p99", bench.percentile(times, 99), "ms", f"<= {limit}")
    # What it is made of: a frame's way to the subscriber after its last window, and from there into the database.
    behind = [query - mqtt for query, mqtt in zip(measured["query_ms"], measured["mqtt_ms"])]
    for what, times in (("frame-after-window", measured["frame_delay_ms"]), ("query-after-mqtt", behind),
                        ("one-query", measured["query_time_ms"])):
        stage.figure(f"{name}.{what}-p50", bench.percentile(times, 50), "ms")
        stage.figure(f"{name}.{what}-p99", bench.percentile(times, 99), "ms")
    stage.figure(f"{name}.poll-interval", POLL_MS, "ms")
