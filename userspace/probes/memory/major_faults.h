// Runs a program at every major fault of the machine. No tracepoint tells a major fault from another one; the kernel's
// software event does, and costs the others nothing.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <map>
#include <span>

#include "base/result.h"
#include "bpf/programs.h"

namespace kpulse::probes {

/// The event exists once per CPU, and ends when its CPU goes offline. Not for other threads.
class MajorFaults {
 public:
  /// Attaches the program on the CPUs of this list where it is not attached yet, and forgets the others. An Error, once
  /// for each CPU, when one of them refuses: the count is then too low.
  [[nodiscard]] Result<> follow(const bpf_program* program, std::span<const std::uint32_t> online);

 private:
  std::map<std::uint32_t, bpf::Link> links_;  // by CPU; null: it refused
};

}  // namespace kpulse::probes
