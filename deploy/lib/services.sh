# shellcheck shell=bash
# A Mosquitto and an InfluxDB of one's own: on loopback ports, with data in a given folder. The services that the
# distribution runs are not touched. Needs common.sh and processes.sh.

# mosquitto_conf PORT: prints the broker's configuration. Anonymous, but nobody outside this machine can reach it.
mosquitto_conf() {
  cat <<END
listener $1 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
max_inflight_messages 200
max_queued_messages 100000
log_dest stderr
log_type error
log_type warning
END
  # Mosquitto gives root up for the user mosquitto, who may not read our folder.
  ((EUID != 0)) || echo "user root"
}

# influxdb1_conf PORT DIR: prints the configuration of InfluxDB 1.x.
influxdb1_conf() {
  cat <<END
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "$2/meta"
  logging-enabled = false
[data]
  dir = "$2/data"
  wal-dir = "$2/wal"
  index-version = "tsi1"
  query-log-enabled = false
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[continuous_queries]
  enabled = false
[http]
  bind-address = "127.0.0.1:$1"
  log-enabled = false
[logging]
  level = "error"
  suppress-logo = true
END
}

mosquitto_program() { PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mosquitto; }

# influxdb_major: prints 1 or 2, as `influxd version` says ("InfluxDB v1.6.7...", "InfluxDB v2.7.11...", "InfluxDB 2.x").
influxdb_major() {
  command -v influxd >/dev/null || return 1
  influxd version 2>/dev/null | sed -n 's/^InfluxDB v\{0,1\}\([0-9]\{1,\}\)[.].*/\1/p' | grep . || echo 1
}

# start_mosquitto DIR PORT
start_mosquitto() {
  mkdir -p "$1" && mosquitto_conf "$2" >"$1/mosquitto.conf"
  start_process mosquitto "$1/mosquitto.log" "$(mosquitto_program)" -c "$1/mosquitto.conf"
  wait_for_port "$KP_PID" "$2" 10
}

# start_influxdb1 DIR PORT
start_influxdb1() {
  mkdir -p "$1" && influxdb1_conf "$2" "$1" >"$1/influxdb.conf"
  start_process influxd "$1/influxd.log" influxd -config "$1/influxdb.conf"
  wait_for_port "$KP_PID" "$2" 30
}

# start_influxdb2 DIR PORT: starts it and sets it up by its API: organisation and bucket kpulse, and a token made for this
# run, which ends up in DIR/token, readable by its owner only.
start_influxdb2() {
  mkdir -p "$1"
  start_process influxd "$1/influxd.log" influxd --http-bind-address "127.0.0.1:$2" --reporting-disabled --log-level error \
    --bolt-path "$1/influxd.bolt" --sqlite-path "$1/influxd.sqlite" --engine-path "$1/engine"
  wait_for_port "$KP_PID" "$2" 30
  (
    umask 077
    random_word >"$1/token"
    printf '{"username":"kpulse","password":"%s","org":"kpulse","bucket":"kpulse","token":"%s"}' \
      "$(random_word)" "$(cat "$1/token")" >"$1/setup.json"
  )
  wait_until 30 influxdb2_setup "$1" "$2" || fail 1 "InfluxDB 2 cannot be set up: $(last_line "$1/setup.answer")"
  rm -f "$1/setup.json"
}

influxdb2_setup() {
  curl -s --fail-with-body --max-time 5 -H 'Content-Type: application/json' --data "@$1/setup.json" \
    "http://127.0.0.1:$2/api/v2/setup" >"$1/setup.answer" 2>&1
}

random_word() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
