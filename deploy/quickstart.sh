#!/usr/bin/env bash
# Shows what this machine's scheduler does, window by window, out of a real InfluxDB, through a real Mosquitto.
#
#   sudo deploy/quickstart.sh [options]
#
#   --for TIME         end by itself after TIME (20s, 2m), with a summary; otherwise at Ctrl-C
#   --window TIME      length of a window (default 10ms)
#   --publish TIME     time between two frames (default 100ms)
#   --influx URL       use this InfluxDB instead of starting one; its database or bucket is kpulse
#   --token-file FILE  the token for it, when it is 2.x
#   --org NAME         its organisation there (default kpulse)
#   --mqtt-port PORT   loopback port of the broker that is started (default 18830)
#   --influx-port PORT loopback port of the database that is started (default 18086)
#   --agent-port PORT  loopback port of the agent's /metrics (default 19464)
#   --bridge-port PORT loopback port of the bridge's /metrics (default 19465)
#   --data DIR         keep the database, the logs and the configuration here (default: a temporary folder, removed at the end)
#   --help
#
# Installs what is missing (apt or pacman), builds, starts Mosquitto, InfluxDB, kpulse-bridge and kpulse-agent, and stops all it
# started when it ends, however it ends. Services that run here already are not touched.
#
# Exit status: 0 data was shown and every published frame is in the database, 1 something failed (one line says what),
# 2 wrong option, 3 not root.
set -uo pipefail

KP_SCRIPT=quickstart
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/lib/common.sh
. "$root/deploy/lib/common.sh"
# shellcheck source=deploy/lib/packages.sh
. "$root/deploy/lib/packages.sh"
# shellcheck source=deploy/lib/processes.sh
. "$root/deploy/lib/processes.sh"
# shellcheck source=deploy/lib/services.sh
. "$root/deploy/lib/services.sh"
# shellcheck source=deploy/lib/http.sh
. "$root/deploy/lib/http.sh"

readonly bin=$root/build/release/bin
duration='' window=10ms publish=100ms influx='' token_file='' org=kpulse data='' keep=0
mqtt_port=18830 influx_port=18086 agent_port=19464 bridge_port=19465
host=$(uname -n)
agent_pid='' bridge_pid='' stopping=0

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

parse_options() {
  while (($#)); do
    case $1 in
      -h | --help) usage; exit 0 ;;
      --for | --window | --publish | --influx | --token-file | --org | --mqtt-port | --influx-port | --agent-port | --bridge-port | --data)
        (($# > 1)) || fail 2 "$1 needs a value (see --help)" ;;
      *) fail 2 "unknown option '$1' (see --help)" ;;
    esac
    case $1 in
      --for) duration=$2 ;;
      --window) window=$2 ;;
      --publish) publish=$2 ;;
      --influx) influx=${2%/} ;;
      --token-file) token_file=$2 ;;
      --org) org=$2 ;;
      --mqtt-port) mqtt_port=$2 ;;
      --influx-port) influx_port=$2 ;;
      --agent-port) agent_port=$2 ;;
      --bridge-port) bridge_port=$2 ;;
      --data) data=$2 keep=1 ;;
    esac
    shift 2
  done
}

check_options() {
  local port time seen=' '
  for port in "$mqtt_port" "$influx_port" "$agent_port" "$bridge_port"; do
    [[ $port =~ ^[1-9][0-9]{0,4}$ && $port -lt 65536 ]] || fail 2 "'$port' is no port: allowed is 1 to 65535"
    [[ $seen != *" $port "* ]] || fail 2 "port $port is given twice"
    seen+="$port "
  done
  for time in "$window" "$publish" ${duration:+"$duration"}; do
    [[ $time =~ ^[0-9]+(ms|s|m|h)$ ]] || fail 2 "'$time' is no time: allowed is 10ms, 20s, 2m"
  done
  [[ -z $influx || $influx =~ ^https?://[^/] ]] || fail 2 "--influx '$influx': allowed is http://HOST:PORT or https://HOST:PORT"
  [[ -z $token_file || -n $influx ]] || fail 2 "--token-file goes with --influx"
  [[ -z $token_file || -r $token_file ]] || fail 2 "cannot read the token file $token_file"
}

check_machine() {
  local port taken=()
  ((EUID == 0)) || fail 3 "needs root to load BPF programs: run it with sudo"
  [[ -r /sys/kernel/btf/vmlinux ]] ||
    fail 1 "this kernel has no BTF (/sys/kernel/btf/vmlinux): boot one built with CONFIG_DEBUG_INFO_BTF=y"
  taken=("$mqtt_port" "$agent_port" "$bridge_port")
  [[ -n $influx ]] || taken+=("$influx_port")
  for port in "${taken[@]}"; do
    ! port_in_use "$port" || fail 1 "port $port on 127.0.0.1 is in use: stop what uses it, or choose another (see --help)"
  done
}

make_data_folder() {
  if ((keep)); then
    mkdir -p "$data" || fail 1 "cannot make the folder $data"
    data=$(cd "$data" && pwd)
  else
    data=$(mktemp -d "${TMPDIR:-/tmp}/kpulse-quickstart.XXXXXX") || fail 1 "cannot make a temporary folder"
  fi
}

# What a failure leaves behind is its logs; what success leaves behind is nothing, unless --data was given.
clean_up() {
  local status=$?
  stop_all
  release_services
  [[ -n $data ]] || return
  if ((status == 1 && !keep)); then
    find "$data" -type f ! -name '*.log' -delete
  elif ((!keep)); then
    rm -rf "$data"
  fi
}

install_packages() {
  local groups=(build services)
  [[ -z $influx ]] || groups=(build broker)
  if [[ -z $influx && $(package_manager) == apt ]] && ! command -v influxd >/dev/null && ! apt_has influxdb; then
    fail 1 "this distribution has no package influxdb: start an InfluxDB and give it with --influx URL [--token-file FILE]"
  fi
  install_missing "$data/install.log" "${groups[@]}"
}

# As the owner of the tree, so that sudo leaves no files of root behind in it.
as_owner() {
  local owner
  owner=$(stat -c %U "$root")
  if [[ $owner == root || $owner == UNKNOWN ]]; then "$@"; else runuser -u "$owner" -- "$@"; fi
}

build_programs() {
  cd "$root" || exit 1
  run_with_progress configuring "$data/configure.log" as_owner cmake --preset release ||
    fail 1 "configuring failed: $(grep -m1 -A1 'CMake Error' "$data/configure.log" | tr '\n' ' ')(log: $data/configure.log)"
  run_with_progress building "$data/build.log" \
    as_owner cmake --build --preset release --target kpulse kpulse-agent kpulse-bridge ||
    fail 1 "building failed: $(grep -m1 'error' "$data/build.log" || last_line "$data/build.log") (log: $data/build.log)"
}

start_database() {
  if [[ -n $influx ]]; then
    say "using the InfluxDB at $influx"
    curl_ok "$influx/ping" || fail 1 "no InfluxDB answers at $influx/ping"
    return
  fi
  local major
  major=$(influxdb_major) || fail 1 "influxd is not installed: start an InfluxDB and give it with --influx URL [--token-file FILE]"
  influx=http://127.0.0.1:$influx_port
  case $major in
    1) start_influxdb1 "$data/influxdb" "$influx_port" ;;
    2) start_influxdb2 "$data/influxdb" "$influx_port" && token_file=$data/influxdb/token ;;
    *) fail 1 "InfluxDB $major cannot be set up by this script: start it and give it with --influx URL --token-file FILE" ;;
  esac
}

start_kpulse() {
  local database=(--influx-url "$influx" --influx-database kpulse)
  [[ -z $token_file ]] || database+=(--influx-org "$org" --influx-bucket kpulse --influx-token-file "$token_file" --influx-rollup false)
  start_process kpulse-bridge "$data/bridge.log" "$bin/kpulse-bridge" --mqtt-url "mqtt://127.0.0.1:$mqtt_port" \
    "${database[@]}" --metrics-listen "127.0.0.1:$bridge_port"
  bridge_pid=$KP_PID
  wait_for_port "$bridge_pid" "$bridge_port" 10
  # What is published before the bridge has subscribed would be lost.
  wait_until 10 connected "$bridge_port" kpulse_bridge_connected || fail 1 "kpulse-bridge: $(dead_process || last_line "$data/bridge.log")"
  start_process kpulse-agent "$data/agent.log" "$bin/kpulse-agent" --mqtt-url "mqtt://127.0.0.1:$mqtt_port" --host "$host" \
    --window "$window" --publish "$publish" --metrics-listen "127.0.0.1:$agent_port"
  agent_pid=$KP_PID
  wait_for_port "$agent_pid" "$agent_port" 10
}

# watch_table: the live table in the foreground, until it ends or one of the other processes does.
watch_table() {
  local options=(--influx "$influx" --host "$host" --wait 30s)
  [[ -z $token_file ]] || options+=(--token-file "$token_file")
  [[ -z $duration ]] || options+=(--for "$duration")
  "$bin/kpulse" watch "${options[@]}" --summary-json "$data/summary.json" </dev/null 2>"$data/watch.log" &
  local pid=$! status=0
  trap 'stopping=1; kill -INT "$pid" 2>/dev/null' INT TERM HUP
  while alive "$pid"; do
    wait -n "$pid" "${KP_PIDS[@]}" 2>/dev/null
    ! dead_process >/dev/null || kill -INT "$pid" 2>/dev/null
  done
  wait "$pid" || status=$?
  trap '' INT TERM HUP
  ! dead_process >/dev/null || fail 1 "$(dead_process) (logs: $data)"
  ((status == 0 || !stopping)) || exit 130
  ((status == 0)) || fail 1 "$(last_line "$data/watch.log" | sed 's/^kpulse: //') (logs: $data)"
}

# finish: stops agent and bridge in this order, so that what is on its way arrives, and compares the two.
finish() {
  local published committed
  stop_process "$agent_pid" || fail 1 "kpulse-agent did not end well: $(last_line "$data/agent.log")"
  published=$(sed -n 's/.*stopped after \([0-9]\{1,\}\) frames.*/\1/p' "$data/agent.log")
  wait_until 10 committed_at_least "${published:-0}"
  committed=$(metric "$bridge_port" kpulse_bridge_frames_committed_total)
  stop_process "$bridge_pid" || fail 1 "kpulse-bridge did not end well: $(last_line "$data/bridge.log")"
  printf 'frames     %s published, %s committed\n' "${published:-0}" "${committed:-0}"
  ((${published:-0} > 0 && ${published:-0} == ${committed:-0})) ||
    fail 1 "not every published frame is in the database (logs: $data)"
}

committed_at_least() { (($(metric "$bridge_port" kpulse_bridge_frames_committed_total) >= $1)); }

connected() { [[ $(metric "$1" "$2") == 1 ]]; }

parse_options "$@"
check_options
check_machine
make_data_folder
stop_all_on_exit
trap clean_up EXIT
install_packages
build_programs
say "starting mosquitto, InfluxDB, kpulse-bridge and kpulse-agent"
start_mosquitto "$data/mosquitto" "$mqtt_port"
start_database
start_kpulse
watch_table
finish
