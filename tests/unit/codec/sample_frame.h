// A frame that uses every member of the model once, for the codec's tests.
#pragma once

#include "model/frame.h"
#include "model/ids.h"

namespace kpulse::test {

inline Series sample_sched() {
  return {.measurement = ids::kSched,
          .tags = {"0"},
          .absent = {1},
          .columns = {{.field = ids::sched::kBusy, .values = {4'000'000, 0, 10'000'000}, .reals = {}, .buckets = {}},
                      {.field = ids::sched::kVictim, .values = {1, 0, 2}, .reals = {}, .buckets = {}}}};
}

inline Series sample_wait() {
  return {
      .measurement = ids::kSchedWait,
      .tags = {"0"},
      .absent = {},
      .columns = {{.field = ids::histogram::kDistribution,
                   .values = {},
                   .reals = {},
                   .buckets = {{.index = 0, .count = 3}, {.index = 5, .count = 1}, {.index = 90, .count = 1ULL << 40U}},
                   .sum = 123'456'789}}};
}

/// Two OOM kills that could not wait: a frame without a window.
inline Frame sample_events() {
  return {.host = "vm-1.example",
          .stream = 1'700'000'000'000'000'000,
          .sequence = 43,
          .window_ns = 10'000'000,
          .first_window = 170'000'000'003,
          .windows = 0,
          .tasks = {{.pid = 11, .tgid = 10, .comm = "stress", .cgroup = 77}},
          .series = {{.measurement = ids::kOom,
                      .tags = {},
                      .absent = {},
                      .columns = {{.field = ids::oom::kVictim, .values = {1, 0}, .reals = {}, .buckets = {}},
                                  {.field = ids::oom::kAnon, .values = {4'096, 8'192}, .reals = {}, .buckets = {}}},
                      .times = {1'700'000'000'000'000'123, 1'700'000'000'000'000'001}}}};
}

inline Frame sample_frame() {
  return {.host = "vm-1.example",
          .stream = 1'700'000'000'000'000'000,
          .sequence = 42,
          .window_ns = 10'000'000,
          .first_window = 170'000'000'000,
          .windows = 3,
          .tasks = {{.pid = 11, .tgid = 10, .comm = "stress", .cgroup = 77},
                    {.pid = 12, .tgid = 12, .comm = std::string("a\n\xff\",b", 6), .cgroup = ~0ULL}},
          .series = {sample_sched(), sample_wait()}};
}

}  // namespace kpulse::test
