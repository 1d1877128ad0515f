// The command line as a source of values (CLI11).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/schema.h"

namespace kpulse::config {

struct CommandLine {
  bool help = false;
  bool version = false;
  bool print_config = false;
  std::optional<std::string> file;                         ///< --config
  std::vector<std::pair<const Key*, std::string>> values;  ///< what was given for which key, unchecked
};

/// Sorts argv into words; values are not parsed yet. Flags cannot be shortened, the last of equal ones counts.
[[nodiscard]] Result<CommandLine> parse_command_line(const Program& program, int argc, const char* const* argv);

}  // namespace kpulse::config
