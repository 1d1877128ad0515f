"""Runs benches by name: run.py [NAME...]. See run.sh."""

import signal
import sys
import traceback

import bench
import agent_cost
import block_cost
import bpf_cost
import bridge_throughput
import fault_cost
import frame_size
import latency
import lateness

BENCHES = {"agent-cost": agent_cost, "block-cost": block_cost, "bpf-cost": bpf_cost,
           "bridge-throughput": bridge_throughput, "fault-cost": fault_cost, "frame-size": frame_size, "latency": latency,
           "lateness": lateness}


def run(name):
    """0: its targets are met, 1: they are not, or it broke; 77: it cannot run here."""
    missing = bench.missing(BENCHES[name].NEEDS)
    if missing:
        bench.say(f"{name}: this machine lacks {', '.join(missing)}")
        return bench.SKIPPED
    bench.say(f"{name} ...")
    with bench.Bench() as stage:
        try:
            BENCHES[name].run(stage)
        except Exception:  # pylint: disable=broad-exception-caught
            traceback.print_exc()
            stage.show_logs()
            stage.figure(name, None, "", passed=False)
        return 1 if stage.missed else 0


def main(names):
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        bench.say(f"no bench '{unknown[0]}': there are {' '.join(BENCHES)}")
        return 2
    # What was started ends with us, whatever ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    statuses = [run(name) for name in names or BENCHES]
    if 1 in statuses:
        return 1
    return bench.SKIPPED if all(status == bench.SKIPPED for status in statuses) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
