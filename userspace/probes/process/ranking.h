// Who used most of what since the last reading: threads in, processes out. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "abi/process.h"

namespace kpulse::probes {

/// What a process used between two readings.
struct ProcessUse {
  kp_task process{};  ///< pid and tgid are the process's
  std::uint64_t cpu_ns = 0;
  std::uint64_t wait_ns = 0;
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t write_bytes = 0;
  std::uint64_t threads = 0;  ///< that used anything
};

/// A resource that processes are ranked by.
struct Resource {
  std::string_view name;
  std::uint64_t (*amount)(const ProcessUse&);
};

/// cpu, faults, io, wait.
[[nodiscard]] std::span<const Resource> resources() noexcept;

class ProcessRanking {
 public:
  /// One reading of all threads. Returns what every process used since the last one, in order of their pids; of threads
  /// that are new, what they used since they began. The first reading returns nothing. `threads` is left with the memory
  /// of the reading before, for the next one.
  [[nodiscard]] std::vector<ProcessUse> take(std::vector<kp_thread>&& threads);

  /// The `count` processes that used most of the resource, largest first; those that used none are not in it.
  [[nodiscard]] static std::vector<const ProcessUse*> top(const std::vector<ProcessUse>& uses, const Resource& resource,
                                                          std::size_t count);

 private:
  std::vector<kp_thread> before_;  // in order of their pids
  bool begun_ = false;
};

}  // namespace kpulse::probes
