#!/usr/bin/env bash
# Runs the tests N times, every second time beside a load that disturbs (processors, memory, context switches, disk), and says for each
# test how often it failed, in which runs, and where the logs of those are.
#
#   tests/repeat.sh N [LEVEL...]     unit abi golden kernel e2e docs vm; without a level: kernel e2e vm
#
# Run 1 is quiet, run 2 is loaded, and so on. What failed has failed: nothing is run again until it passes. All logs are kept, in
# build/repeat/<time>. Exit status: 0 nothing failed in any run, 1 something did, 2 wrong usage.
set -uo pipefail

KP_SCRIPT=repeat
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/lib/common.sh
. "$root/deploy/lib/common.sh"
# shellcheck source=deploy/lib/packages.sh
. "$root/deploy/lib/packages.sh"

readonly build=$root/build/release
levels=()
load_pid=''

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

# start_load FOLDER: in a session, and so a process group, of its own, which the kernel ends when this script is killed.
start_load() {
  mkdir -p "$1/load"
  setsid setpriv --pdeathsig TERM -- stress-ng --cpu $((4 * $(nproc))) --vm 2 --vm-bytes 64M --switch 2 --hdd 1 --hdd-bytes 256M \
    --temp-path "$1/load" >"$1/load.log" 2>&1 </dev/null &
  load_pid=$!
}

# stop_load: fails when it did not run to the end: then that run was not what it is said to be.
stop_load() {
  local lasted=0 tries
  [[ -n $load_pid ]] || return 0
  kill -0 "$load_pid" 2>/dev/null || lasted=1
  kill -TERM -- "-$load_pid" 2>/dev/null
  wait "$load_pid" 2>/dev/null
  # Its workers are its children, not this script's: the group is gone when no signal reaches it.
  for ((tries = 0; tries < 100; tries++)); do
    kill -KILL -- "-$load_pid" 2>/dev/null || break
    sleep 0.1
  done
  load_pid=''
  return "$lasted"
}

stop_everything() {
  trap '' INT TERM HUP
  stop_job
  stop_load
}

# run_once NUMBER quiet|loaded: tests/run.sh, with what it and the guests leave behind kept in a folder of this run.
run_once() {
  local number=$1 kind=$2 folder=$results/$1-$2 level status=0
  mkdir -p "$folder"
  for level in "${levels[@]}"; do rm -f "$build/$level-tests.log" "$build/$level-tests.xml"; done
  rm -rf "$root/build/vm/log"
  [[ $kind == quiet ]] || start_load "$folder"
  run_with_progress "run $number of $runs, $kind" "$folder/run.log" "$root/tests/run.sh" "${levels[@]}" || status=$?
  stop_load || { warn "run $number: the load ended before the tests did: $(last_line "$folder/load.log")"; status="$status, without its load"; }
  rm -rf "$folder/load"
  echo "$status" >"$folder/status"
  for level in "${levels[@]}"; do
    cp "$build/$level-tests.log" "$build/$level-tests.xml" "$folder/" 2>/dev/null
  done
  [[ ! -d $root/build/vm/log ]] || cp -r "$root/build/vm/log" "$folder/guests"
  say "run $number of $runs, $kind: $(last_line "$folder/run.log")"
}

[[ ${1-} != -h && ${1-} != --help ]] || { usage; exit 0; }
[[ ${1-} =~ ^[1-9][0-9]{0,3}$ ]] || fail 2 "the number of runs is missing, 1 to 9999 (see --help)"
readonly runs=$1
shift
for level in "$@"; do
  case $level in
    unit | abi | golden | kernel | e2e | docs | vm) levels+=("$level") ;;
    *) fail 2 "no level '$level': allowed are unit abi golden kernel e2e docs vm" ;;
  esac
done
((${#levels[@]})) || levels=(kernel e2e vm)

trap stop_everything EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
results=$root/build/repeat/$(date +%Y%m%d-%H%M%S)
mkdir -p "$results" || fail 1 "cannot make the folder $results"
install_missing "$results/install.log" load
for ((number = 1; number <= runs; number++)); do
  run_once "$number" "$( ((number % 2)) && echo quiet || echo loaded)"
done
python3 -B "$root/tests/support/tally.py" "$results" "${levels[@]}" | tee "$results/tally.txt"
