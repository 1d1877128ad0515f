# shellcheck shell=bash
# Words on the terminal for every script here. Sourced; the script sets KP_SCRIPT to its own name.

KP_SCRIPT=${KP_SCRIPT:-kpulse}

say() { printf '%s: %s\n' "$KP_SCRIPT" "$*"; }

warn() { printf '%s: %s\n' "$KP_SCRIPT" "$*" >&2; }

# fail STATUS MESSAGE...: one line on stderr, and the end of the script (its EXIT trap stops what runs).
fail() {
  local status=$1
  shift
  warn "$*"
  exit "$status"
}

# last_line FILE: what a log ends with, shortened, for a message that has to fit on one line.
last_line() {
  [[ -r $1 ]] || return 0
  grep -v '^[[:space:]]*$' "$1" | tail -n 1 | tr -d '\r' | cut -c 1-200
}

# run_with_progress WHAT LOG COMMAND...: runs in the background with its output in LOG and says every 3 s how far it is.
# The command has a process group of its own; stop_job ends all of it.
KP_JOB=''

run_with_progress() {
  local what=$1 log=$2 shown='' line next=$((SECONDS + 3)) status=0
  shift 2
  set -m
  ("$@") >"$log" 2>&1 </dev/null &
  KP_JOB=$!
  set +m
  while kill -0 "$KP_JOB" 2>/dev/null; do
    sleep 0.1
    ((SECONDS >= next)) || continue
    next=$((SECONDS + 3))
    line=$(last_line "$log" | cut -c 1-100)
    [[ $line == "$shown" ]] || say "$what: $line"
    shown=$line
  done
  wait "$KP_JOB" 2>/dev/null || status=$?
  KP_JOB=''
  return "$status"
}

# stop_job: ends what run_with_progress runs, for EXIT traps.
stop_job() {
  [[ -n $KP_JOB ]] || return 0
  kill -INT -- "-$KP_JOB" 2>/dev/null
  wait "$KP_JOB" 2>/dev/null
  KP_JOB=''
}
