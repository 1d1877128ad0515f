"""bridge-throughput: what a line costs the bridge, and how its way into the database compares with a plain loader's."""

import time

import bench
import support

NEEDS = (bench.MOSQUITTO, bench.INFLUXDB)
RUNS, LINES = 3, 2_000_000
PAIRS, RATIO_LINES, BURST_LINES = 5, 400_000, 1_000_000
LIMIT_SECONDS = 90
# A burst waits in the broker as long as the bridge is behind.
NO_LIMIT = "max_queued_messages 0\n"


def run(stage):
    cpu_time(stage)
    into_database(stage)
    burst(stage)


def feed(stage, program, prefix, lines, *more):
    helper = bench.Helper(stage, program, "--recording", bench.RECORDING, "--prefix", prefix, "--lines", lines, *more)
    return helper, helper.read()


def cpu_time(stage):
    """Lines per second of the bridge's CPU time, into a sink that only counts."""
    rates, walls = [], []
    for number in range(RUNS):
        bench.say(f"bridge-throughput: {LINES} lines into a counting sink, {number + 1} of {RUNS}")
        rate, wall = into_sink(stage, LINES)
        rates.append(rate)
        walls.append(wall)
        stage.clear()
    stage.figure("bridge-throughput.lines-per-cpu-second", bench.median(rates), "1/s", ">= 2000000")
    stage.figure("bridge-throughput.lines-per-second", bench.median(walls), "1/s")


def into_sink(stage, lines):
    broker = support.Broker(stage, NO_LIMIT)
    sink = bench.Helper(stage, "count_lines")
    bridge = support.Bridge(stage, broker, f"http://127.0.0.1:{sink.read()['port']}").wait_connected()
    publisher, announced = feed(stage, "publish", "bench", lines, "--port", broker.port)
    expected = sum(announced["lines"].values())
    used, begin = bench.cpu_ns(bridge.popen.pid), time.monotonic()
    publisher.tell()
    support.wait_until(lambda: sink.ask()["lines"] >= expected, "the sink has every line", limit=LIMIT_SECONDS)
    used, seconds = bench.cpu_ns(bridge.popen.pid) - used, time.monotonic() - begin
    support.wait_until(lambda: bridge.committed() == announced["frames"], "every frame is committed")
    counted = sink.ask()
    bench.say(f"  {expected} lines, {counted['bytes'] / counted['lines']:.0f} bytes each, in {seconds:.1f} s; "
              f"bridge {used / expected:.0f} ns a line, sink {counted['cpu_ns'] / expected:.0f} ns a line")
    return expected / used * 1e9, expected / seconds


def into_database(stage):
    """The bridge and a plain loader in turns, each with an InfluxDB of its own and so without the other's rollups."""
    ratios = []
    for turn in range(PAIRS):
        rates = {}
        for who in (by_bridge, by_loader) if turn % 2 == 0 else (by_loader, by_bridge):
            broker, database, bridge = services(stage)
            rates[who] = who(stage, "ratio", RATIO_LINES, broker, database, bridge)[0]
            stage.clear()
        ratios.append(rates[by_bridge] / rates[by_loader])
        bench.say(f"  into InfluxDB: bridge {rates[by_bridge]:.0f}/s, loader {rates[by_loader]:.0f}/s")
    stage.figure("bridge-throughput.ratio-to-loader", bench.median(ratios), "times", ">= 1")


def burst(stage):
    """What comes at once must all arrive."""
    bench.say(f"bridge-throughput: a burst of {BURST_LINES} lines into InfluxDB")
    broker, database, bridge = services(stage)
    rate, expected = by_bridge(stage, "burst", BURST_LINES, broker, database, bridge)
    stage.figure("bridge-throughput.burst", rate, "1/s")
    lost = sum(expected.values()) - sum(count(database, "burst", measurement) for measurement in expected)
    stage.figure("bridge-throughput.burst-lost", lost, "points", "<= 0")
    stage.clear()


def services(stage):
    broker, database = support.Broker(stage, NO_LIMIT), support.Database(stage)
    bridge = support.Bridge(stage, broker, database.url).wait_connected()
    by_bridge(stage, "first", 1, broker, database, bridge)  # makes the database
    return broker, database, bridge


def by_bridge(stage, prefix, lines, broker, _database, bridge):
    """Lines per second from the first publish to the last commit, and what was published, by measurement."""
    publisher, announced = feed(stage, "publish", prefix, lines, "--port", broker.port)
    before, begin = bridge.committed(), time.monotonic()
    publisher.tell()
    expected = before + announced["frames"]
    support.wait_until(lambda: bridge.committed() >= expected, "every frame is committed", limit=LIMIT_SECONDS)
    seconds = time.monotonic() - begin
    bench.say(f"  published in {publisher.read()['seconds']:.1f} s, committed in {seconds:.1f} s")
    return sum(announced["lines"].values()) / seconds, announced["lines"]


def by_loader(stage, prefix, lines, _broker, database, bridge):
    """The same of the plain loader; the bridge has made the database and is not needed."""
    bridge.terminate()
    loader, announced = feed(stage, "load_lines", prefix, lines, "--url", database.url)
    return sum(announced["lines"].values()) / loader.ask()["seconds"], announced["lines"]


def count(database, prefix, measurement):
    """Points of the prefix's hosts that the database has."""
    field = "busy_ns" if measurement == "kpulse_sched" else "count"
    rows = database.query(f'SELECT count("{field}") FROM "hires"."{measurement}" WHERE "host" =~ /^{prefix}-/')
    return rows[0]["count"] if rows else 0
