"""What the benches share: the services they need, figures, and readings of what a process used."""

import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import support  # pylint: disable=wrong-import-position

SKIPPED = 77
RECORDING = support.ROOT / "tests/golden/sched/load.kprec"
BPF, MOSQUITTO, INFLUXDB, TWO_CPUS = "BPF", "mosquitto", "InfluxDB 1.x", "exactly two CPUs"


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def missing(needs):
    """What this machine lacks of what a bench needs, by name."""
    lacks = []
    if BPF in needs and support.bpf_missing():
        lacks.append(support.bpf_missing())
    if MOSQUITTO in needs and not shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin"):
        lacks.append(MOSQUITTO)
    if INFLUXDB in needs and not has_influxdb1():
        lacks.append(INFLUXDB)
    if TWO_CPUS in needs and support.CPUS != 2:
        lacks.append(TWO_CPUS)
    return lacks


def has_influxdb1():
    try:
        return support.shell_library("influxdb_major").strip() == "1"
    except subprocess.CalledProcessError:
        return False


def percentile(values, percent):
    """The smallest value that is not exceeded by so many percent of all."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def cpu_ns(pid):
    """CPU time a process has used, all its threads: its CPU clock, see clock_getcpuclockid(3)."""
    return time.clock_gettime_ns(~pid << 3 | 2)


def rss_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def proc_stat(key):
    lines = pathlib.Path("/proc/stat").read_text().splitlines()
    return [int(word) for word in next(line for line in lines if line.startswith(key + " ")).split()[1:]]


class Machine:
    """What the machine did over a time."""

    def __init__(self):
        self.begin, self.switches, self.ticks = time.monotonic(), proc_stat("ctxt")[0], proc_stat("cpu")

    def switches_per_second(self):
        return (proc_stat("ctxt")[0] - self.switches) / (time.monotonic() - self.begin)

    def busy_ratio(self):
        used = [now - before for now, before in zip(proc_stat("cpu"), self.ticks)]
        return 1 - (used[3] + used[4]) / max(1, sum(used[:8]))


class Helper:
    """A program of this folder that talks JSON lines on its standard streams."""

    def __init__(self, stage, name, *words):
        command = [str(support.BIN / f"bench_{name}"), *(str(word) for word in words)]
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.name = name
        stage.helpers.append(self)

    def read(self):
        line = self.popen.stdout.readline()
        if not line:
            raise RuntimeError(f"bench_{self.name} ended with status {self.popen.wait()}")
        return json.loads(line)

    def tell(self, line=""):
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def ask(self):
        self.tell()
        return self.read()

    def end(self, limit=10):
        """Asks it to end, so that it can take back what it did to the machine."""
        self.popen.terminate()
        try:
            self.popen.wait(limit)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


class Bench:
    """A stage for one bench: what is started on it (see support.Process) is gone at its end."""

    def __init__(self):
        self.processes, self.helpers, self.missed = [], [], False
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kpulse-bench-"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def clear(self):
        """Ends all that runs and forgets what it stored."""
        for helper in self.helpers:
            helper.end()
        for process in reversed(self.processes):
            if process.popen.poll() is None:
                process.popen.kill()
            process.popen.wait()
        self.processes.clear()
        self.helpers.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()

    def show_logs(self):
        for process in self.processes:
            if process.output():
                say(f"{process.name}: {process.output()[-1000:]}")

    def figure(self, name, value, unit, target=None, passed=None):
        """Prints a figure; `target` is "<= 2" or ">= 2", or nothing when the figure only explains another."""
        line = {"name": name, "value": value if value is None else round(value, 4), "unit": unit}
        if target:
            sign, bound = target.split()
            passed = value <= float(bound) if sign == "<=" else value >= float(bound)
            line["target"] = target
        if passed is not None:
            line["pass"] = passed
            self.missed = self.missed or not passed
        print(json.dumps(line), flush=True)


median = statistics.median
