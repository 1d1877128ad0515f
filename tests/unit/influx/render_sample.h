// The lines of a frame of two CPUs with the name of a hostile task.
#pragma once

#include <cstdint>
#include <string>

#include "model/ids.h"
#include "render.h"

namespace kpulse::influx::test {

inline constexpr std::uint32_t kSampleWindows = 10;

struct Sample {
  std::string text;
  std::size_t lines;
};

inline Sample sample_lines(std::uint64_t first_window) {
  const auto all = [](std::uint32_t field, std::uint64_t value) {
    return Column{
        .field = field, .values = std::vector<std::uint64_t>(kSampleWindows, value), .reals = {}, .buckets = {}};
  };
  Frame frame{.host = "vm1",
              .stream = 1,
              .sequence = 1,
              .window_ns = 10'000'000,
              .first_window = first_window,
              .windows = kSampleWindows,
              .tasks = {{.pid = 7, .tgid = 7, .comm = "a\"b\xff\n", .cgroup = 5}},
              .series = {}};
  for (const char* cpu : {"0", "1"}) {
    frame.series.push_back({.measurement = ids::kSched,
                            .tags = {cpu},
                            .absent = {},
                            .columns = {all(ids::sched::kBusy, 2'500'000), all(ids::sched::kIdle, 7'500'000),
                                        all(ids::sched::kWaitMax, 9), all(ids::sched::kVictim, 1)}});
    frame.series.push_back({.measurement = ids::kSchedWait,
                            .tags = {cpu},
                            .absent = {},
                            .columns = {{.field = ids::histogram::kDistribution,
                                         .values = {},
                                         .reals = {},
                                         .buckets = {{.index = 5, .count = 3}},
                                         .sum = 15}}});
  }
  const std::string text = render(frame);
  return {.text = text, .lines = lines_of(text).size()};
}

}  // namespace kpulse::influx::test
