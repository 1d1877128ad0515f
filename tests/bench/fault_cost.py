"""fault-cost: a program of its own; see fault_cost.cpp."""

import json
import subprocess

import bench
import support

NEEDS = (bench.BPF,)


def run(stage):
    with subprocess.Popen([support.BIN / "bench_fault_cost"], stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout:
            print(line, end="", flush=True)
            stage.missed = stage.missed or json.loads(line).get("pass") is False
    if program.returncode not in (0, 1):
        raise RuntimeError(f"bench_fault_cost ended with status {program.returncode}")
