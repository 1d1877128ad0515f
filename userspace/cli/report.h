// What `kpulse doctor` found, as lines and as JSON.
#pragma once

#include <string>
#include <vector>

namespace kpulse::cli {

enum class Verdict {
  ok,
  warn,        ///< works, with less than there could be
  fail,        ///< something that is needed does not work
  permission,  ///< the same, because this process may not do it
};

struct Check {
  std::string name;
  Verdict verdict = Verdict::ok;
  std::string detail;  ///< what was found; printable
  std::string advice;  ///< what to do; empty when there is nothing to do
};

/// One line per check, and one more with advice where there is one.
[[nodiscard]] std::string report_text(const std::vector<Check>& checks);

/// {"checks":[{"name","verdict","detail","advice"}...],"status":N}
[[nodiscard]] std::string report_json(const std::vector<Check>& checks);

/// 0 all fine, 1 something needed fails, 3 because of missing permission.
[[nodiscard]] int report_status(const std::vector<Check>& checks) noexcept;

}  // namespace kpulse::cli
