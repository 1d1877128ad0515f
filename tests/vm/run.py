"""Runs tests in emulated guests with other kernels: run.py [--bin FOLDER] [--kernel VERSION]... [NAME...]; a name is part of a guest's.

What runs in which guest is in GUESTS: tests that compare with the kernel's own counters. None that depends on how fast the machine is.
What the guests said, and their kernels, is kept in build/vm/log.
Ends with the line "N passed, N failed, N skipped". Exit status 1 when something failed or nothing ran.
"""

import argparse
import concurrent.futures
import dataclasses
import pathlib
import shlex
import subprocess
import sys
import time

from report import FAILED, PASSED, SKIPPED, Entry, Report, emulator_fault, read

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LOGS = ROOT / "build/vm/log"
KERNELS = ("6.1", "6.12")
NO_KERNEL, NO_END = 3, 124  # exit statuses of guest.sh
TRIES = 3


@dataclasses.dataclass(frozen=True)
class Guest:
    name: str
    memory: int  # MiB
    tests: tuple  # of (program, filter)
    modules: tuple = ("null_blk nr_devices=0", "dm-delay")


GUESTS = (
    Guest("tasks", 1024, (
        ("programs_test", "*"),
        ("process_test", "*"),
        ("cpus_test", "Cpus.TheRunQueue*"),
        ("cgroup_test", "*"),
        ("sched_test", "SchedEvents.*:SchedLost.*:SchedWaits.*:MovedTasks.*:SchedCulprit.*:BehindAHog.*:Quota.*:SchedSleep.*:SchedWaiting.*-*DidNotFit*"),
        ("sched_test", "SchedOncpu.*:SchedWindows.ASpinner*:SchedWindows.Every*:*SchedTime.Busy*/0"),
    )),
    Guest("disks", 1024, (
        ("block_test", "NullDisks.*:*NullDiskCounts.*:*MappedDisks.*-*TheTime*"),
        ("memory_test", "MemoryFaults.FaultsEqual*:MemoryFaults.*InTheWindow*:MemoryStalls.Reclaim*:MemoryStalls.AnOom*"),
    )),
    Guest("short of memory", 384, (("memory_test", "MemoryPressure.*"),)),
)


def without(names, done):
    """A filter of GoogleTest less some tests."""
    return names + "".join(f"{':' if number or '-' in names else '-'}{test}" for number, test in enumerate(sorted(done)))


def script(guest, folder, done):
    """The command of the guest: each program in turn but for tests that are done, and that every BPF program attaches as a test of its own."""
    count = "awk '/\\/kp_/ { ++programs; if ($2 != \"ok\") print; else ++attached } END { exit programs < 20 || attached < programs }'"
    doctor = (f"{folder}/kpulse doctor 2>&1 | {count} && echo '[       OK ] Doctor.EveryProgramAttaches (0 ms)' || "
              "echo '[  FAILED  ] Doctor.EveryProgramAttaches (0 ms)'")
    runs = [f"{folder}/{program} --gtest_color=no --gtest_filter={shlex.quote(without(names, done))}" for program, names in guest.tests]
    return "; ".join([doctor] + [f"{run}; echo program ended: $?" for run in runs])


def boot(kernel, guest, folder, log, done):
    """One run of a guest: (exit status, output, why it did not end, the kernel's messages); all of it is kept in log.*"""
    command = [str(HERE / "guest.sh"), "--kernel", kernel, "--memory", str(guest.memory), "--console", f"{log}.console"]
    for module in guest.modules:
        command += ["--module", module]
    command += ["bash", "-c", script(guest, folder, done)]
    console = pathlib.Path(f"{log}.console")
    console.unlink(missing_ok=True)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                          errors="replace", check=False)
    pathlib.Path(f"{log}.output").write_text(done.stdout + done.stderr)
    return done.returncode, done.stdout, done.stderr, console.read_text(errors="replace") if console.exists() else ""


def run_guest(kernel, guest, folder):
    """Its report. Only a machine that broke down is started again, at most twice, and goes on with the tests that had not ended."""
    where, begin, report, done = f"{kernel} {guest.name}", time.monotonic(), Report(), set()
    LOGS.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, TRIES + 1):
        log = LOGS / f"{where.replace(' ', '-')}-{attempt}"
        status, output, why, console = boot(kernel, guest, folder, log, done)
        said = read(output, where, len(guest.tests), resumed=attempt > 1)
        said.entries = [entry for entry in said.entries if entry.name not in done]
        fault = emulator_fault(console) if status == NO_END else None
        if not fault or attempt == TRIES:
            break
        report.again += 1
        ended = [entry for entry in said.entries if entry.ended]
        report.entries += ended
        done |= {entry.name for entry in ended if entry.name}
        print(f"again   {where}: the emulated machine broke down ({fault}), see {log.relative_to(ROOT)}.*", flush=True)
    if status == NO_KERNEL:
        said = Report([Entry(SKIPPED, where, "        " + why.strip())])
    report.entries += said.entries
    print(f"{report.text()}{why if status == NO_END else ''}{where}: {time.monotonic() - begin:.0f} s", flush=True)
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

    # Two at a time, for two processors; what takes longest comes first.
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run_guest, kernel, guest, folder) for guest in chosen for kernel in reversed(kernels)]
        reports = [run.result() for run in runs]
    passed, failed, skipped = (sum(report.count(word) for report in reports) for word in (PASSED, FAILED, SKIPPED))
    if again := sum(report.again for report in reports):
        print(f"{again} times an emulated machine broke down and its guest was started again")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
