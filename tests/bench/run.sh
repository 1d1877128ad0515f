#!/usr/bin/env bash
# Builds what is missing and measures.
#
#   tests/bench/run.sh [NAME...]     agent-cost block-cost bpf-cost bridge-throughput fault-cost frame-size latency lateness; without a name: all
#
# One JSON line per figure on standard output: name, value, unit and, where there is one, target and pass; what it is
# doing on standard error. Exit status: 0 all targets met, 1 one was missed or a bench broke, 77 this machine can run
# none of the benches asked for (it says what it lacks). Close other programs first: what they use is missing here.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly build=$root/build/release
programs=(kpulse-agent kpulse-bridge)
programs+=(bench_bpf_cost bench_crowd bench_disks bench_ping_pong bench_count_lines bench_publish bench_load_lines bench_latency)

cd "$root"
{
  [[ -f $build/build.ninja ]] || cmake --preset release
  cmake --build --preset release --target "${programs[@]}"
} >&2

exec env KPULSE_BIN="$build/bin" python3 -B "$root/tests/bench/run.py" "$@"
