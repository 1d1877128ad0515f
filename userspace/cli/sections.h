// Under the table of CPUs in `kpulse watch`: disks, memory, cgroups and processes. Each section shows itself only when
// the database has something for it.
#pragma once

#include <string>
#include <vector>

#include "cli/query.h"
#include "cli/table.h"

namespace kpulse::cli {

/// The statements whose answer section_lines() reads.
[[nodiscard]] std::string section_statements(const Span& span);

/// Lines with headers, a blank line before each section; no line feed, no control characters.
[[nodiscard]] std::vector<std::string> section_lines(const std::vector<ResultSet>& answer, const Span& span);

}  // namespace kpulse::cli
