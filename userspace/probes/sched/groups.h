// What the scheduler programs counted by cgroup, as the rows of a frame. Pure: it is given what the mappings hold.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "abi/sched.h"
#include "model/frame.h"

namespace kpulse::probes {

/// What a CPU runs at the end of an interval, and for how long it has that its cgroup has not been charged with yet.
struct RunningGroup {
  std::uint32_t slot = 0;
  std::uint64_t ns = 0;
  std::uint64_t counted = 0;  ///< cpu_ns of the slot on this CPU, read together with the above
};

class SchedGroups {
 public:
  SchedGroups() : before_(KP_CGROUP_SLOTS), buckets_before_(KP_CGROUP_SLOTS) {}

  /// Appends kpulse_cgroup_sched and kpulse_cgroup_wait of every slot in which something happened since the last call.
  /// `name` gives the slot's tag.
  void collect(std::span<const kp_sched_groups> cpus, std::span<const RunningGroup> running,
               const std::function<std::string(std::uint32_t)>& name, std::vector<Series>& series);

  /// Takes its rows out of a frame that was sent; the next ones are made of them. With many cgroups, allocating rows
  /// anew for each frame and freeing them cost more than filling them.
  void take_back(std::vector<Series>& series);

 private:
  /// A slot's counters, all CPUs together.
  struct Sum {
    std::uint64_t cpu = 0, wait = 0, waits = 0, switches = 0;
  };
  using Buckets = std::array<std::uint32_t, KP_GROUP_BUCKETS>;  // as wide as the kernel's, which may wrap

  [[nodiscard]] static Sum sum_of(std::span<const kp_sched_groups> cpus, std::span<const RunningGroup> running,
                                  std::uint32_t slot);
  void take_waits(std::span<const kp_sched_groups> cpus, std::uint32_t slot, std::uint64_t waits,
                  std::vector<Bucket>& buckets);
  [[nodiscard]] Series counters_row(std::string cgroup, const Sum& before, const Sum& now);

  std::vector<Sum> before_;                           // by slot: as of the last frame
  std::vector<Buckets> buckets_before_;               // the same; looked at only where tasks waited
  std::vector<Series> spare_counters_, spare_waits_;  // rows of frames that were sent
};

}  // namespace kpulse::probes
