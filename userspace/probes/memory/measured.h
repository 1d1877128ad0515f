// Which programs a field comes from. Without them it has no value: a 0 would say that nothing happened. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace kpulse::probes {

/// Fields without a value, ascending.
struct UnmeasuredMemory {
  std::vector<std::uint32_t> windows;  ///< of kpulse_memory
  std::vector<std::uint32_t> cgroups;  ///< of kpulse_cgroup_memory

  bool operator==(const UnmeasuredMemory&) const = default;
};

/// `attached` says whether the program of that name is.
[[nodiscard]] UnmeasuredMemory unmeasured_memory(const std::function<bool(std::string_view)>& attached);

}  // namespace kpulse::probes
