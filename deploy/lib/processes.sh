# shellcheck shell=bash
# Processes that a script starts and is answerable for. Needs common.sh.
#
# Call stop_all_on_exit once. From then on whatever start_process started is gone when the script ends, however it ends: by
# itself, by a signal, or by SIGKILL (then the kernel sends the children SIGTERM).

declare -a KP_PIDS=()
declare -A KP_NAME=() KP_LOG=()

stop_all_on_exit() {
  trap 'stop_all' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
}

# start_process NAME LOG COMMAND...: starts it in a session of its own (Ctrl-C on the terminal reaches the script only); its
# pid is in KP_PID. Never call it in a subshell: the process would end with that.
start_process() {
  local name=$1 log=$2
  shift 2
  setsid setpriv --pdeathsig TERM -- "$@" >"$log" 2>&1 </dev/null &
  KP_PID=$!
  KP_PIDS+=("$KP_PID")
  KP_NAME[$KP_PID]=$name
  KP_LOG[$KP_PID]=$log
}

alive() { kill -0 "$1" 2>/dev/null; }

# stop_process PID [SECONDS]: SIGTERM, and SIGKILL when that was not enough. Prints nothing; the status is the process's own.
stop_process() {
  local pid=$1 status=0
  local deadline=$((SECONDS + ${2:-10}))
  kill -TERM "$pid" 2>/dev/null || true
  while alive "$pid" && ((SECONDS < deadline)); do sleep 0.02; done
  kill -KILL "$pid" 2>/dev/null && warn "${KP_NAME[$pid]} did not stop within ${2:-10} s and was killed"
  wait "$pid" 2>/dev/null || status=$?
  forget_process "$pid"
  return "$status"
}

forget_process() {
  local pid kept=()
  for pid in "${KP_PIDS[@]}"; do [[ $pid == "$1" ]] || kept+=("$pid"); done
  KP_PIDS=("${kept[@]}")
}

# stop_all: the newest first, so that who sends stops before who receives.
stop_all() {
  local i
  trap '' INT TERM HUP
  stop_job
  for ((i = ${#KP_PIDS[@]} - 1; i >= 0; i--)); do stop_process "${KP_PIDS[i]}" || true; done
}

# dead_process: prints name and last words of a started process that has ended; fails when all are alive.
dead_process() {
  local pid
  for pid in "${KP_PIDS[@]}"; do
    alive "$pid" && continue
    echo "${KP_NAME[$pid]} ended: $(last_line "${KP_LOG[$pid]}")"
    return 0
  done
  return 1
}

port_in_use() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# wait_until SECONDS COMMAND...: until it succeeds; fails when the time is over or a started process has died.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    ! dead_process >/dev/null || return 1
    sleep 0.05
  done
}

# wait_for_port PID PORT SECONDS: until the process answers on loopback; ends the script with its last words when it does not.
wait_for_port() {
  wait_until "$3" port_in_use "$2" && return
  alive "$1" || fail 1 "${KP_NAME[$1]} did not start: $(last_line "${KP_LOG[$1]}")"
  fail 1 "${KP_NAME[$1]} does not answer on 127.0.0.1:$2 after $3 s"
}
