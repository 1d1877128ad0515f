#include "cli/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

namespace kpulse::cli {
namespace {

std::string_view word(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::warn:
      return "warn";
    case Verdict::fail:
    case Verdict::permission:
      break;
  }
  return "FAIL";
}

}  // namespace

std::string report_text(const std::vector<Check>& checks) {
  std::size_t width = 0;
  for (const Check& check : checks) width = std::max(width, check.name.size());
  std::string out;
  for (const Check& check : checks) {
    fmt::format_to(std::back_inserter(out), "{:<{}}  {:<4}  {}\n", check.name, width, word(check.verdict),
                   check.detail);
    if (!check.advice.empty())
      fmt::format_to(std::back_inserter(out), "{:<{}}        -> {}\n", "", width, check.advice);
  }
  return out;
}

std::string report_json(const std::vector<Check>& checks) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Check& check : checks) {
    list.push_back(
        {{"name", check.name}, {"verdict", word(check.verdict)}, {"detail", check.detail}, {"advice", check.advice}});
  }
  return nlohmann::ordered_json{{"checks", list}, {"status", report_status(checks)}}.dump(2) + "\n";
}

int report_status(const std::vector<Check>& checks) noexcept {
  const auto any = [&](Verdict verdict) { return std::ranges::find(checks, verdict, &Check::verdict) != checks.end(); };
  if (any(Verdict::permission)) return 3;
  return any(Verdict::fail) ? 1 : 0;
}

}  // namespace kpulse::cli
