// Where the time of a frame goes, piece by piece, with Google Benchmark: for finding out, not for judging.
#include <benchmark/benchmark.h>

#include <array>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "codec/frame_decoder.h"
#include "influx/line.h"
#include "probes/sched/assembler.h"
#include "probes/sched/groups.h"
#include "probes/sched/recording.h"
#include "probes/task_table.h"

namespace {

using namespace kpulse;

/// The last frame of the golden recording.
Frame recorded_frame() {
  std::ifstream file(KPULSE_GOLDEN_DIR "/sched/load.kprec", std::ios::binary);
  probes::SchedAssembler assembler(2);
  Frame last;
  const auto done = probes::recording::replay(file, assembler, [&](const probes::WindowRange& windows) {
    last = {.host = "bench",
            .stream = 1,
            .sequence = 1,
            .window_ns = 10'000'000,
            .first_window = windows.first,
            .windows = windows.count};
    probes::TaskTable tasks(last.tasks);
    assembler.collect(windows, tasks, last.series);
  });
  if (!done || last.series.empty()) throw std::runtime_error("no frame in the golden recording");
  return last;
}

void encode_frame(benchmark::State& state) {
  const Frame frame = recorded_frame();
  std::string wire;
  for (auto _ : state) encode(frame, wire);
  state.counters["bytes"] = static_cast<double>(wire.size());
}
BENCHMARK(encode_frame);

void decode_frame(benchmark::State& state) {
  std::string wire;
  encode(recorded_frame(), wire);
  FrameDecoder decoder;
  for (auto _ : state) benchmark::DoNotOptimize(decoder.decode(wire, "bench"));
}
BENCHMARK(decode_frame);

void render_lines(benchmark::State& state) {
  const Frame frame = recorded_frame();
  influx::LineRenderer renderer;
  influx::LineBuffer buffer;
  std::size_t lines = 0;
  for (auto _ : state) {
    buffer.clear();
    renderer.render(frame, buffer, 1'000'000, [&]() -> influx::LineBuffer& { return buffer; });
    lines += buffer.lines();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(lines));
}
BENCHMARK(render_lines);

/// What the scheduler did in 255 cgroups, as the rows of a frame, with two CPUs. In each cgroup tasks waited three times.
void collect_cgroups(benchmark::State& state) {
  const auto cpus = std::make_unique<std::array<kp_sched_groups, 2>>();
  const auto name = [](std::uint32_t slot) { return "/system.slice/service-" + std::to_string(slot); };
  probes::SchedGroups groups;
  std::vector<Series> series;
  for (auto _ : state) {
    for (kp_sched_group& group : cpus->front().group) {
      group.cpu_ns += 50'000;
      group.wait_ns += 30'000;
      group.waits += 3;
      group.switches += 3;
      for (const std::size_t bucket : {20, 40, 60}) ++group.wait[bucket];
    }
    groups.collect(*cpus, {}, name, series);
    benchmark::DoNotOptimize(series.data());
    groups.take_back(series);
    series.clear();
  }
}
BENCHMARK(collect_cgroups);

}  // namespace

BENCHMARK_MAIN();
