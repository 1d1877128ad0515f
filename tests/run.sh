#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests.
#
#   tests/run.sh [LEVEL...]     unit abi golden kernel e2e docs vm bench; without a level: all of them but bench; all: with bench
#
# Ends with the line "N passed, N failed, N skipped". Exit status: 0 all that ran passed, 1 something failed or nothing ran,
# 2 wrong usage. What this machine cannot run is skipped, with the name of what is missing, and never counts as passed.
set -uo pipefail

KP_SCRIPT=tests
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/lib/common.sh
. "$root/deploy/lib/common.sh"
# shellcheck source=deploy/lib/packages.sh
. "$root/deploy/lib/packages.sh"

readonly build=$root/build/release
readonly default_levels=(unit abi golden kernel docs e2e vm)
passed=0 failed=0 skipped=0

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

# count LEVEL PASSED FAILED SKIPPED: adds up, and says what the level came to.
count() {
  passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
  say "$1: $2 passed, $3 failed, $4 skipped"
}

# missing_for_bpf: prints what this machine lacks to run BPF programs; fails when it lacks nothing.
missing_for_bpf() {
  local effective
  effective=$(sed -n 's/^CapEff:\t/0x/p' /proc/self/status)
  [[ -r /sys/kernel/btf/vmlinux ]] || { echo "BTF of the kernel (/sys/kernel/btf/vmlinux)"; return 0; }
  ((effective >> 39 & 1 || effective >> 21 & 1)) || { echo "CAP_BPF"; return 0; }
  ((effective >> 38 & 1 || effective >> 21 & 1)) || { echo "CAP_PERFMON"; return 0; }
  return 1
}

# missing_for_guests: the same for emulated guests.
missing_for_guests() {
  local program
  [[ $(uname -m) == x86_64 ]] || { echo "an x86_64 processor"; return 0; }
  for program in qemu-system-x86_64 busybox cpio depmod unxz dpkg apt-cache dmsetup; do
    command -v "$program" >/dev/null || { echo "$program"; return 0; }
  done
  return 1
}

install_and_build() {
  local log
  log=$(mktemp) || fail 1 "no temporary file can be made"
  install_missing "$log" build test
  rm -f "$log"
  cd "$root" || exit 1
  mkdir -p "$build"
  run_with_progress configuring "$build/configure.log" cmake --preset release ||
    { tail -n 20 "$build/configure.log" >&2; fail 1 "configuring failed (log: $build/configure.log)"; }
  run_with_progress building "$build/build.log" cmake --build --preset release ||
    { grep -E -A3 'error|FAILED' "$build/build.log" | head -n 60 >&2; fail 1 "building failed (log: $build/build.log)"; }
}

# run_ctest LEVEL: counts from ctest's own report, where a test that skips itself is one that was skipped.
run_ctest() {
  local level=$1 report=$build/$1-tests.xml counts
  rm -f "$report"
  local parallel=$(($(nproc) > 1 ? $(nproc) : 1))
  ctest --test-dir "$build" -L "^$level\$" -j "$parallel" --no-tests=error --output-on-failure --output-junit "$report" \
    >"$build/$level-tests.log" 2>&1 </dev/null
  if ! counts=$(python3 "$root/tests/support/junit_counts.py" "$report"); then
    tail -n 20 "$build/$level-tests.log"
    count "$level" 0 1 0
    return
  fi
  # What failed and what was skipped is worth reading; what passed is not.
  grep -vE '^ *[0-9]+/[0-9]+ Test.*Passed|^ *Start +[0-9]+:' "$build/$level-tests.log" | grep -E -B2 -A40 'Failed|FAILED|Skipped|Timeout' |
    head -n 200
  # shellcheck disable=SC2086  # three numbers
  count "$level" $counts
}

# run_report LEVEL COMMAND...: a command that ends with "N passed, N failed, N skipped"; anything else is a failure.
run_report() {
  local level=$1 log=$build/$1-tests.log status=0 numbers
  shift
  "$@" 2>&1 </dev/null | tee "$log" || status=1
  numbers=$(tail -n 1 "$log" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p')
  if [[ -z $numbers ]] || { ((status)) && [[ $numbers == *' 0 '* ]]; }; then
    say "$level: did not come to an end by itself"
    numbers="0 1 0"
  fi
  # shellcheck disable=SC2086
  count "$level" $numbers
}

run_level() {
  local level=$1 missing
  if { [[ $level == kernel || $level == bench ]] && missing=$(missing_for_bpf); } || { [[ $level == vm ]] && missing=$(missing_for_guests); }; then
    say "$level: this machine lacks $missing"
    count "$level" 0 0 1
    return
  fi
  case $level in
    unit | abi | golden | kernel) run_ctest "$level" ;;
    e2e) run_report e2e python3 -B "$root/tests/e2e/run.py" --bin "$build/bin" ;;
    docs) run_report docs python3 -B "$root/tests/support/check_docs.py" --bin "$build/bin" ;;
    vm) run_report vm python3 -B "$root/tests/vm/run.py" --bin "$build/bin" ;;
    bench) run_report bench python3 -B "$root/tests/support/bench_counts.py" "$root/tests/bench/run.sh" ;;
  esac
}

levels=()
for argument in "$@"; do
  case $argument in
    unit | abi | golden | kernel | e2e | docs | vm | bench) levels+=("$argument") ;;
    all) levels+=("${default_levels[@]}" bench) ;;
    -h | --help) usage; exit 0 ;;
    *) fail 2 "no level '$argument': allowed are unit abi golden kernel e2e docs vm bench all" ;;
  esac
done
((${#levels[@]})) || levels=("${default_levels[@]}")

trap stop_job EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
install_and_build
for level in "${levels[@]}"; do
  say "$level ..."
  run_level "$level"
done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
