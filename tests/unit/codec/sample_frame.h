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

/// A frame with series that can share a message: two of a shape, one of another, and reals that are and are not parts
/// of a window.
inline Frame sample_crowd() {
  const auto cgroup = [](std::string name, std::uint64_t cpu) {
    return Series{.measurement = ids::kCgroupSched,
                  .tags = {std::move(name)},
                  .absent = {},
                  .columns = {{.field = ids::cgroup_sched::kCpu, .values = {cpu}, .reals = {}, .buckets = {}},
                              {.field = ids::cgroup_sched::kWaits, .values = {3}, .reals = {}, .buckets = {}}}};
  };
  const auto disk = [](std::string name, std::vector<double> depths) {
    return Series{.measurement = ids::kBlock,
                  .tags = {std::move(name), "read"},
                  .absent = {},
                  .columns = {{.field = ids::block::kIos, .values = {1, 2}, .reals = {}, .buckets = {}},
                              {.field = ids::block::kDepth, .values = {}, .reals = std::move(depths), .buckets = {}}}};
  };
  const auto waits = [](std::string name, std::vector<Bucket> buckets, std::uint64_t sum) {
    return Series{.measurement = ids::kCgroupWait,
                  .tags = {std::move(name)},
                  .absent = {},
                  .columns = {{.field = ids::histogram::kDistribution,
                               .values = {},
                               .reals = {},
                               .buckets = std::move(buckets),
                               .sum = sum}}};
  };
  Series idle = cgroup("/idle.slice", 7);
  idle.columns.pop_back();
  Series lost = disk("vdc", {0.5, 1.5});
  lost.absent = {1};
  return {.host = "vm-1.example",
          .stream = 1'700'000'000'000'000'000,
          .sequence = 44,
          .window_ns = 10'000'000,
          .first_window = 170'000'000'003,
          .windows = 2,
          .tasks = {},
          .series = {cgroup("/system.slice/sshd.service", 1'000), cgroup("/", 1ULL << 40U), idle,
                     disk("vda", {123.0 / 10'000'000, 31}), disk("vdb", {0, 2.5}), lost,
                     waits("/", {{.index = 0, .count = 1}, {.index = 70, .count = 5}}, 900),
                     waits("/idle.slice", {{.index = 3, .count = 1ULL << 40U}}, 0)}};
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
