// The CPUs of this machine, as sysfs lists them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace kpulse::bpf {

/// "0-3,8" as sysfs writes it: 0, 1, 2, 3, 8. Empty when it is not such a list, or names a CPU past the 4096th.
[[nodiscard]] std::vector<std::uint32_t> parse_cpus(std::string_view list);

/// Numbers of the CPUs that run now, ascending.
[[nodiscard]] std::vector<std::uint32_t> online_cpus();

/// How many entries an array by CPU number needs for all CPUs that are there now. A hypervisor may have places for many
/// more (VMware: 128); one that is plugged in later has no entry, see Sampler.
[[nodiscard]] std::uint32_t present_cpus();

}  // namespace kpulse::bpf
