# shellcheck shell=bash
# Small questions over HTTP to what runs on loopback.

curl_ok() { curl -sf --max-time 5 -o /dev/null "$1"; }

# metric PORT NAME: prints a program's own metric, summed over its labels, as a whole number; 0 when there is none.
metric() {
  curl -sf --max-time 5 "http://127.0.0.1:$1/metrics" |
    awk -v name="$2" '{ split($1, part, "{") } part[1] == name { sum += $NF } END { printf "%d\n", sum }'
}
