"""Runs tests in emulated guests with other kernels: run.py [--bin FOLDER] [--kernel VERSION]... [NAME...]; a name is part of a guest's.

What runs in which guest is in GUESTS: tests that compare with the kernel's own counters. None that depends on how fast the machine is.
Ends with the line "N passed, N failed, N skipped". Exit status 1 when something failed or nothing ran.
"""

import argparse
import concurrent.futures
import dataclasses
import pathlib
import re
import shlex
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KERNELS = ("6.1", "6.12")
NO_KERNEL, NO_END = 3, 124  # exit statuses of guest.sh

# A line of a test that has ended: "[  FAILED  ] Suite.Name/0, where GetParam() = 1 (12 ms)".
ENDED = re.compile(r"^\[ +(OK|FAILED|SKIPPED) +\] ([^ ,]+).* \((\d+) ms\)$")
BEGUN = re.compile(r"^\[ RUN +\] (\S+)$")

# The emulator's own faults, in the messages of a kernel that did not come to its end. While programs are attached the kernel changes its code,
# and all processors have to take notice: here one now and then runs into the breakpoint that was there for a moment. Or one that sleeps gets
# none of its interrupts any more, not even the timer's, and the other one waits for its answer.
EMULATOR = re.compile(r"Oops: int3|(?:smp_call_function|csd_lock_wait)\w*\+\S*|kthread timer wakeup didn't happen")


@dataclasses.dataclass(frozen=True)
class Guest:
    name: str
    memory: int  # MiB
    limit: int  # seconds
    tests: tuple  # of (program, filter)
    modules: tuple = ("null_blk nr_devices=0", "dm-delay")


GUESTS = (
    Guest("tasks", 1024, 280, (
        ("programs_test", "*"),
        ("process_test", "*"),
        ("cgroup_test", "*"),
        ("sched_test", "SchedEvents.*:SchedWaits.*:MovedTasks.*:SchedCulprit.*:BehindAHog.*:Quota.*-*DidNotFit*"),
        ("sched_test", "SchedWindows.ASpinner*:SchedWindows.Every*:*SchedTime.Busy*/0"),
    )),
    Guest("disks", 1024, 200, (
        ("block_test", "NullDisks.*:*NullDiskCounts.*:*MappedDisks.*-*TheTime*"),
        ("memory_test", "MemoryFaults.FaultsEqual*:MemoryFaults.*InTheWindow*:MemoryStalls.Reclaim*:MemoryStalls.AnOom*"),
    )),
    Guest("short of memory", 384, 180, (("memory_test", "MemoryPressure.*"),)),
)


def script(guest, folder):
    """The command of the guest: each program in turn, and that every BPF program attaches as a test of its own."""
    count = "awk '/\\/kp_/ { ++programs; if ($2 != \"ok\") print; else ++attached } END { exit programs < 20 || attached < programs }'"
    doctor = (f"{folder}/kpulse doctor 2>&1 | {count} && echo '[       OK ] Doctor.EveryProgramAttaches (0 ms)' || "
              "echo '[  FAILED  ] Doctor.EveryProgramAttaches (0 ms)'")
    runs = [f"{folder}/{program} --gtest_color=no --gtest_filter={shlex.quote(names)}" for program, names in guest.tests]
    return "; ".join([doctor] + [f"{run}; echo program ended" for run in runs])


@dataclasses.dataclass
class Report:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    text: str = ""

    def add(self, word, test, detail=""):
        setattr(self, word.lower(), getattr(self, word.lower()) + 1)
        self.text += f"{word if word == 'FAILED' else word.lower():<7} {test}" + (f"\n{detail}" if detail else "") + "\n"


def read(output, where, programs):
    """What the programs said, as a report; what was not said to its end has failed."""
    report, running, detail = Report(), None, []
    for line in output.splitlines():
        if match := BEGUN.match(line):
            running, detail = match[1], []
        elif match := ENDED.match(line):
            word = {"OK": "passed", "SKIPPED": "skipped"}.get(match[1], "FAILED")
            said = "\n".join(detail) if word != "passed" else ""
            report.add(word, f"{where}: {match[2]} ({int(match[3]) / 1000:.1f} s)", said)
            running, detail = None, []
        elif line.startswith("[==========] Running 0 tests"):
            report.add("FAILED", f"{where}: a filter that chooses nothing")
        elif not line.startswith("[--"):
            detail.append("        " + line)
    if running:
        report.add("FAILED", f"{where}: {running} did not end", "\n".join(detail))
    elif output.count("\nprogram ended") != programs:
        report.add("FAILED", f"{where}: not all programs ran", "\n".join(detail))
    return report


def console(kernel):
    """The messages of the kernel that ran last."""
    return (ROOT / f"build/vm/console-{kernel}.log").read_text(errors="replace")


def run_guest(kernel, guest, folder):
    where, begin = f"{kernel} {guest.name}", time.monotonic()
    command = [str(HERE / "guest.sh"), "--kernel", kernel, "--memory", str(guest.memory), "--timeout", str(guest.limit)]
    for module in guest.modules:
        command += ["--module", module]
    command += ["bash", "-c", script(guest, folder)]
    for tries_left in (2, 1, 0):
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                              errors="replace", check=False)
        fault = EMULATOR.search(console(kernel)) if done.returncode == NO_END else None
        if not fault or tries_left == 0:
            break
        print(f"again   {where}: the emulated machine broke down ({fault[0].strip()})", flush=True)
    if done.returncode == NO_KERNEL:
        report = Report()
        report.add("skipped", where, "        " + done.stderr.strip())
    else:
        report = read(done.stdout, where, len(guest.tests))
        if report.failed:
            report.text += done.stderr
    print(f"{report.text}{where}: {time.monotonic() - begin:.0f} s", flush=True)
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin"), help="folder with the programs")
    parser.add_argument("--kernel", action="append", choices=KERNELS)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.bin).resolve()
    kernels = arguments.kernel or KERNELS
    chosen = [guest for guest in GUESTS if not arguments.names or any(name in guest.name for name in arguments.names)]

    def run_kernel(kernel):
        return [run_guest(kernel, guest, folder) for guest in chosen]

    with concurrent.futures.ThreadPoolExecutor(len(kernels)) as pool:
        reports = [report for done in pool.map(run_kernel, kernels) for report in done]
    passed, failed, skipped = (sum(getattr(report, word) for report in reports) for word in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
