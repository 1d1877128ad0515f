// What `kpulse doctor` asks this machine: kernel, BTF, capabilities, each program of each probe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/priority.h"
#include "cli/report.h"
#include "model/frame.h"

namespace kpulse::cli {

[[nodiscard]] Check check_kernel(std::string_view release);
[[nodiscard]] Check check_btf(const char* path);

/// The effective set in the text of /proc/self/status; nothing when there is none.
[[nodiscard]] std::optional<std::uint64_t> effective_capabilities(std::string_view status) noexcept;
[[nodiscard]] Check check_capabilities(std::uint64_t effective);

/// What a thread of this process, and so the agent's loop, may have.
[[nodiscard]] Check check_priority(const PriorityTaken& taken);

/// One line per program.
[[nodiscard]] std::vector<Check> program_checks(const std::vector<ProgramStatus>& programs);

/// Attaches every probe of this build, reports, and detaches again.
[[nodiscard]] std::vector<Check> check_probes();

/// All of them, for the machine this runs on.
[[nodiscard]] std::vector<Check> system_checks();

}  // namespace kpulse::cli
