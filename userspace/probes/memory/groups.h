// What the memory programs counted by cgroup, as the rows of a frame. Pure: it is given what the mappings hold.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "abi/memory.h"
#include "model/frame.h"
#include "model/ids.h"

namespace kpulse::probes {

class MemoryGroups {
 public:
  MemoryGroups() : before_(KP_CGROUP_SLOTS) {}

  /// These fields of kpulse_cgroup_memory have no value here.
  void set_unmeasured(std::vector<std::uint32_t> fields) { unmeasured_ = std::move(fields); }

  /// Appends kpulse_cgroup_memory of every slot in which something happened since the last call. `groups` by slot;
  /// `name` gives the slot's tag.
  void collect(std::span<const kp_fault_cpu> cpus, std::span<const kp_memory_group> groups,
               const std::function<std::string(std::uint32_t)>& name, std::vector<Series>& series);

 private:
  /// A slot's counters so far, by number of the field less 1.
  using Counts = std::array<std::uint64_t, ids::cgroup_memory::kThrottle>;

  [[nodiscard]] static Counts counts_of(std::span<const kp_fault_cpu> cpus, const kp_memory_group& group,
                                        std::uint32_t slot);

  std::vector<Counts> before_;  // by slot: as of the last frame
  std::vector<std::uint32_t> unmeasured_;
};

}  // namespace kpulse::probes
