"""What the end-to-end tests stand on: real brokers, databases and programs on ports and in folders of their own."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("KPULSE_BIN", ROOT / "build/release/bin"))
HOST = "e2e-vm"
CPUS = os.cpu_count()
WINDOW_NS = 10_000_000  # unless an agent is told otherwise
# What was not known of a window when it was published is said up to a second later (LateWindows::kPatienceNs), and has then still to come
# into the database: what is younger than this may be on its way.
SETTLED_NS = 1_500_000_000


# What is awaited for so many seconds will never come. No assertion about time: how fast a machine is that others use as well is in nobody's hands.
PATIENCE = 300


def wait_until(condition, what, *, limit=PATIENCE):
    """Returns the first true value of condition(); an AssertionError that says `what` when there is none."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit} s: {what}")
        time.sleep(0.02)


HELD = []  # sockets of free_port


def free_port():
    """A port on 127.0.0.1 that is this process's until it ends, as of tests/support/net.h: held by a socket that is bound and does not
    listen, which keeps away outgoing connections and who asks for any port, but not a server that asks for this one."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    # After bind(): the kernel chose a port that nobody has, and from now on shares it with who asks for it by its number.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    HELD.append(holder)
    return holder.getsockname()[1]


def port_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def shell_library(call):
    """Output of a function of deploy/lib, so that tests run the services the way quickstart does."""
    script = f"set -eu; cd '{ROOT}/deploy/lib'; . ./common.sh; . ./services.sh; {call}"
    return subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True).stdout


def bpf_missing():
    """What this process lacks to load BPF programs; None when it lacks nothing."""
    status = pathlib.Path("/proc/self/status").read_text()
    effective = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff")), 16)
    admin = effective >> 21 & 1
    if not os.access("/sys/kernel/btf/vmlinux", os.R_OK):
        return "BTF of the kernel"
    if not (effective >> 39 & 1 or admin):
        return "CAP_BPF"
    return None if effective >> 38 & 1 or admin else "CAP_PERFMON"


def needs_bpf(test):
    missing = bpf_missing()
    return unittest.skipIf(missing, f"this machine lacks {missing}")(test)


def may_be_realtime():
    """Whether this machine lets its processes have real-time priority."""
    return subprocess.run(["chrt", "-r", "1", "true"], capture_output=True, check=False).returncode == 0


class Starved:
    """For how long, since this was made, the main thread of a process had no processor though it could have gone on: it waited for one, or
    the hypervisor took away one that it was on. Also of a process that has ended, until it is waited for."""

    def __init__(self, pid):
        self.pid = pid
        self.cpus = set()
        self.waited, self.stolen = self._waited(), self._stolen()

    def look(self):
        """To be called now and then: takes down which processor it is on."""
        self.cpus.add(int(pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[36]))

    def seconds(self):
        stolen = self._stolen()
        return self._waited() - self.waited + sum(stolen[cpu] - self.stolen[cpu] for cpu in self.cpus if cpu in self.stolen)

    def _waited(self):
        try:
            return int(pathlib.Path(f"/proc/{self.pid}/schedstat").read_text().split()[1]) / 1e9
        except (OSError, IndexError):
            return 0  # a kernel without sched_info

    @staticmethod
    def _stolen():
        """{CPU: seconds}"""
        lines = [line.split() for line in pathlib.Path("/proc/stat").read_text().splitlines()]
        tick = os.sysconf("SC_CLK_TCK")
        return {int(words[0][3:]): int(words[8]) / tick for words in lines if words[0][:3] == "cpu" and words[0] != "cpu"}


class Process:
    """A program that is gone at the latest when the test is over."""

    def __init__(self, test, name, command, environment=None):
        self.name = name
        self.log = test.folder / f"{name}-{len(test.processes)}.log"
        with open(self.log, "wb") as log:
            self.popen = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env={**os.environ, **(environment or {})}, start_new_session=True)
        test.processes.append(self)

    def alive(self):
        return self.popen.poll() is None

    def output(self):
        return self.log.read_text(errors="replace")

    def terminate(self, limit=PATIENCE, with_signal=signal.SIGTERM):
        """Sends the signal; returns (exit status, seconds it surely took): from when the signal had been sent to when it was last seen to
        run, so that what holds up the test does not count, and without those in which it was starved."""
        if not self.alive():
            return self.popen.returncode, 0.0
        starved = Starved(self.popen.pid)
        self.popen.send_signal(with_signal)
        begin = seen = time.monotonic()
        while True:
            looked = time.monotonic()
            starved.look()
            if not self._runs():
                break
            seen = looked
            if seen - begin > limit:
                self.popen.kill()
                self.popen.wait()
                raise AssertionError(f"{self.name} did not end within {limit} s: {self.output()[-500:]}")
            time.sleep(0.005)
        had_none = starved.seconds()
        return self.popen.wait(), max(seen - begin - had_none, 0.0)

    def _runs(self):
        """As alive(), but one that has ended can still be asked for its times."""
        return os.waitid(os.P_PID, self.popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def kill(self):
        return self.terminate(with_signal=signal.SIGKILL)

    def wait(self, limit):
        try:
            return self.popen.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {limit} s: {self.output()[-500:]}") from None


class Metrics:
    """The /metrics of a program."""

    def __init__(self, port):
        self.port = port

    def read(self):
        """{name or name{labels}: value}; empty when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as reply:
                lines = reply.read().decode().splitlines()
        except OSError:
            return {}
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and line[0] != "#"}

    def get(self, name, **labels):
        """Sum of the samples of this name that have these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(value for sample, value in self.read().items()
                   if sample.split("{")[0] == name and all(label in sample for label in wanted))


class Database:
    """InfluxDB 1.x."""

    def __init__(self, test, auth=False):
        self.test, self.port, self.auth = test, free_port(), auth
        self.folder = test.folder / "influxdb"
        self.folder.mkdir(exist_ok=True)
        self.url = f"http://127.0.0.1:{self.port}"
        conf = self.folder / "influxdb.conf"
        conf.write_text(shell_library(f"influxdb1_conf {self.port} '{self.folder}'"))
        self.command = ["influxd", "-config", conf]
        self.start()

    def start(self):
        environment = {"INFLUXDB_HTTP_AUTH_ENABLED": "true"} if self.auth else None
        self.process = Process(self.test, "influxd", self.command, environment)
        wait_until(lambda: port_open(self.port), "influxd answers")

    def query(self, statement, **more):
        """Rows of all series as dicts, tags included; times in ns."""
        form = urllib.parse.urlencode({"q": statement, "db": "kpulse", "epoch": "ns", **more})
        try:
            with urllib.request.urlopen(f"{self.url}/query", data=form.encode(), timeout=30) as reply:
                answer = json.load(reply)
        except urllib.error.HTTPError as error:
            answer = json.load(error)
        rows = []
        for result in answer.get("results", []):
            for series in result.get("series", []):
                rows += [{**series.get("tags", {}), **dict(zip(series["columns"], row))} for row in series.get("values", [])]
        return rows

    def newest(self, host=HOST):
        """Start of the newest window that is there of every CPU that is there at all; 0 when none is."""
        rows = self.query(f"SELECT last(\"busy_ns\") FROM \"kpulse_sched\" WHERE \"host\" = '{host}' GROUP BY \"cpu\"")
        return min((row["time"] for row in rows), default=0)

    def windows(self, host=HOST):
        """{cpu: sorted starts of the windows that are in the database}."""
        found = {}
        for row in self.query(f"SELECT \"busy_ns\" FROM \"kpulse_sched\" WHERE \"host\" = '{host}' GROUP BY \"cpu\""):
            found.setdefault(row["cpu"], []).append(row["time"])
        return found

    def missing(self, since=0, young_ns=0, host=HOST):
        """[(cpu, start)] of the windows from the one at `since` (or the CPU's first) on that are not there though every CPU has later ones.
        Those that began less than `young_ns` before the newest do not count."""
        windows = self.windows(host)
        last = min(starts[-1] for starts in windows.values()) - young_ns
        return [(cpu, start) for cpu, starts in windows.items()
                for start in sorted(set(range(since or starts[0], last + 1, WINDOW_NS)) - set(starts))]


class Broker:
    """Mosquitto, configured as quickstart does."""

    def __init__(self, test, extra=""):
        self.test, self.port = test, free_port()
        self.conf = test.folder / "mosquitto.conf"
        self.conf.write_text(shell_library(f"mosquitto_conf {self.port}") + extra)
        self.program = shell_library("mosquitto_program").strip()
        self.start()

    def start(self):
        self.process = Process(self.test, "mosquitto", [self.program, "-c", self.conf])
        wait_until(lambda: port_open(self.port), "mosquitto answers")

    @property
    def url(self):
        return f"mqtt://127.0.0.1:{self.port}"


class Agent(Process):
    def __init__(self, test, broker, *more, environment=None, before=()):
        self.metrics = Metrics(free_port())
        super().__init__(test, "kpulse-agent", [
            *before, BIN / "kpulse-agent", "--mqtt-url", broker.url, "--host", HOST, "--metrics-listen",
            f"127.0.0.1:{self.metrics.port}", *more], environment)

    def frames(self):
        """Number of frames made, as it says when it has stopped."""
        return int(self.output().split("stopped after ")[1].split()[0])


class Bridge(Process):
    def __init__(self, test, broker, database_url, *more, environment=None):
        self.metrics = Metrics(free_port())
        super().__init__(test, "kpulse-bridge", [
            BIN / "kpulse-bridge", "--mqtt-url", broker.url, "--influx-url", database_url, "--metrics-listen",
            f"127.0.0.1:{self.metrics.port}", *more], environment)

    def wait_connected(self):
        wait_until(lambda: self.metrics.get("kpulse_bridge_connected") == 1, "the bridge is connected")
        return self

    def committed(self):
        return self.metrics.get("kpulse_bridge_frames_committed_total")


class Load:
    """Keeps the CPUs about two thirds busy, with many switches."""

    SCRIPT = "import time\nwhile True:\n    end = time.monotonic() + 0.003\n    while time.monotonic() < end: pass\n    time.sleep(0.0015)\n"

    def __init__(self, test):
        for _ in range(2 * CPUS):
            Process(test, "load", ["python3", "-c", self.SCRIPT])


class TestCase(unittest.TestCase):
    """A folder of its own for every test, and nothing left running after it."""

    def setUp(self):
        self.processes = []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kpulse-e2e-"))
        self.addCleanup(self._clean_up)

    def _clean_up(self):
        for process in reversed(self.processes):
            if process.alive():
                process.popen.kill()
            process.popen.wait()
        # What a failed test has to say for itself (before Python 3.11 only the outcome knows).
        if any(error for _, error in getattr(self._outcome, "errors", [])) or self._failed():
            for process in self.processes:
                if process.name.startswith("kpulse"):
                    print(f"--- {process.name}:\n{process.output()[-1500:]}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _failed(self):
        result = getattr(self._outcome, "result", None)
        return bool(result) and any(test is self for test, _ in result.failures + result.errors)

    def run_program(self, *command, limit=PATIENCE, environment=None, **more):
        """Runs a program to its end: a CompletedProcess with text."""
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=limit,
                              stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})}, check=False, **more)
