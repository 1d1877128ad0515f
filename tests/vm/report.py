"""What a guest's output and its kernel's messages come to. See run.py."""

import dataclasses
import re

PASSED, FAILED, SKIPPED = "passed", "FAILED", "skipped"

# A line of a test that has ended: "[  FAILED  ] Suite.Name/0, where GetParam() = 1 (12 ms)".
ENDED = re.compile(r"^\[ +(OK|FAILED|SKIPPED) +\] ([^ ,]+).* \((\d+) ms\)$")
BEGUN = re.compile(r"^\[ RUN +\] (\S+)$")
OVER = re.compile(r"^program ended: (\d+)$")  # said by the guest's script
WORDS = {"OK": PASSED, "SKIPPED": SKIPPED, "FAILED": FAILED}

# The emulator's own faults, in the messages of a kernel that did not come to its end. While programs are attached the kernel changes its
# code, and all processors have to take notice: here one now and then runs into the breakpoint that was there for a moment. That cannot be
# the product's fault: no BPF program writes the kernel's code.
BREAKPOINT = re.compile(r"Oops: int3")
# Or one that sleeps gets none of its interrupts any more, not even the timer's, and the other one waits for its answer.
NO_ANSWER = re.compile(r"(?:smp_call_function|csd_lock_wait)\w*\+\S*|kthread timer wakeup didn't happen")
# One that runs a BPF program (it is named so in a stack) does not sleep. If it does not answer, that program may be why, and nothing is
# proven.
PROGRAM = re.compile(r"\bbpf_prog_[0-9a-f]{16}")


def emulator_fault(console):
    """What in the kernel's messages proves that the emulated machine broke down; None when nothing does."""
    fault = BREAKPOINT.search(console)
    if not fault and not PROGRAM.search(console):
        fault = NO_ANSWER.search(console)
    return fault[0].strip() if fault else None


@dataclasses.dataclass
class Entry:
    word: str
    test: str
    detail: str = ""
    ended: bool = True  # another run of the guest would not say anything else
    name: str = ""  # of a test that said itself that it has ended, as its program calls it

    def text(self):
        return f"{self.word:<7} {self.test}\n" + (f"{self.detail}\n" if self.detail else "")


@dataclasses.dataclass
class Report:
    entries: list = dataclasses.field(default_factory=list)
    again: int = 0  # times the emulated machine broke down and was started again

    def count(self, word):
        return sum(entry.word == word for entry in self.entries)

    def text(self):
        return "".join(entry.text() for entry in self.entries)


def read(output, where, programs, resumed=False):
    """What the programs said, as a report; what was not said to its end has failed. Of programs whose tests are done in part it may be that
    nothing was left."""
    entries, running, detail, over = [], None, [], 0

    def fail(what, ended=False):
        entries.append(Entry(FAILED, f"{where}: {what}", "\n".join(detail), ended))

    for line in output.splitlines():
        if match := OVER.match(line):
            over += 1
            if running:
                fail(f"{running} did not end")
            elif int(match[1]) not in (0, 1):
                fail(f"a program ended with status {match[1]}")
            running = None
        elif match := BEGUN.match(line):
            running, detail = match[1], []
        elif match := ENDED.match(line):
            word = WORDS[match[1]]
            said = "\n".join(detail) if word != PASSED else ""
            entries.append(Entry(word, f"{where}: {match[2]} ({int(match[3]) / 1000:.1f} s)", said, name=match[2]))
            running, detail = None, []
        elif line.startswith("[==========] Running 0 tests") and not resumed:
            fail("a filter that chooses nothing", ended=True)
        elif not line.startswith("[--"):
            detail.append("        " + line)
    if running:
        fail(f"{running} did not end")
    elif over != programs:
        fail("not all programs ran")
    return Report(entries)
