"""Checks that the documents say what the programs do. Ends with "N passed, N failed, N skipped"."""

import argparse
import difflib
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, timeout=30).stdout


def documents():
    return [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def metrics_are_those_of_the_catalogue(programs):
    committed = ROOT / "docs/METRICS.md"
    have = committed.read_text().splitlines() if committed.exists() else []
    want = run(programs / "kpulse", "metrics-md").splitlines()
    return [*difflib.unified_diff(have, want, "docs/METRICS.md", "kpulse metrics-md", lineterm="")][:20]


def links_lead_somewhere(_):
    return [f"{path.relative_to(ROOT)}: {link}" for path in documents() for link in LINK.findall(path.read_text())
            if not (path.parent / link).exists()]


def every_key_is_in_the_manual(programs):
    manual = (ROOT / "docs/OPERATIONS.md").read_text()
    missing = []
    for program in ("kpulse-agent", "kpulse-bridge"):
        keys = re.findall(r"file: ([a-z_.]+), environment: ", run(programs / program, "--help"))
        if not keys:
            missing.append(f"{program} --help names no key")
        missing += [f"{program}: {key}" for key in keys if f"`{key}`" not in manual]
    return missing


def every_key_of_the_manual_exists(programs):
    manual = (ROOT / "docs/OPERATIONS.md").read_text()
    known = set()
    for program in ("kpulse-agent", "kpulse-bridge"):
        known.update(re.findall(r"file: ([a-z_.]+), environment: ", run(programs / program, "--help")))
    named = re.findall(r"^\| `([a-z_.]+)` \|", manual, re.MULTILINE)
    named = [key for key in named if not key.startswith("kpulse_")]
    return [key for key in named if key not in known] or ([] if named else ["docs/OPERATIONS.md has no table of keys"])


def scripts_parse(_):
    scripts = [*ROOT.glob("deploy/*.sh"), *ROOT.glob("deploy/lib/*.sh"), *ROOT.glob("tests/*.sh"), *ROOT.glob("tests/*/*.sh"),
               ROOT / ".ci/run"]
    return [done.stderr for script in scripts
            if (done := subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)).returncode]


def sections(name):
    """{heading: text} of the second-level headings of a document; a heading may name several measurements."""
    parts = re.split(r"^## (.+)$", (ROOT / "docs" / name).read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def tests_of_this_tree():
    """Names of all test cases, Suite.Name."""
    case = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
    return {".".join(found) for path in ROOT.glob("tests/**/*.cpp") for found in case.findall(path.read_text())}


def every_field_has_its_truth(_):
    """docs/TRUTH.md names each field that a probe measures, and tests that exist."""
    truths = {}
    for heading, text in sections("TRUTH.md").items():
        fields = {field for row in re.findall(r"^\| (`.+?) \|", text, re.MULTILINE) for field in re.findall(r"`(\w+)`", row)}
        for measurement in heading.split(", "):
            truths[measurement] = fields
    complaints = []
    for heading, text in sections("METRICS.md").items():
        measurement = heading.split(" ")[0]
        if measurement.startswith("kpulse_") and measurement not in ("kpulse_agent", "kpulse_bridge"):
            fields = re.findall(r"^\| `(\w+)` \[", text, re.MULTILINE)
            complaints += [f"{measurement}: {field}" for field in fields if field not in truths.get(measurement, ())]
    known = tests_of_this_tree()
    named = re.findall(r"`([A-Z]\w+\.[A-Z]\w+)`", (ROOT / "docs/TRUTH.md").read_text())
    return complaints + [f"no test {test}" for test in named if test not in known] + ([] if named else ["docs/TRUTH.md names no test"])


CHECKS = [metrics_are_those_of_the_catalogue, links_lead_somewhere, every_key_is_in_the_manual, every_key_of_the_manual_exists,
          every_field_has_its_truth, scripts_parse]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="folder with the programs")
    programs = parser.parse_args().bin
    failed = 0
    for check in CHECKS:
        try:
            complaints = check(programs)
        except (OSError, subprocess.SubprocessError) as error:
            complaints = [str(error)]
        failed += bool(complaints)
        print(f"{'FAILED' if complaints else 'passed'}  {check.__name__}")
        print("".join(f"        {complaint}\n" for complaint in complaints), end="")
    print(f"{len(CHECKS) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
