#include "cli/cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/text.h"

namespace kpulse::cli {

std::uint64_t number(const ResultSet& set, std::size_t row, std::string_view column) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(set.integer(row, column), 0));
}

double ratio(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}

std::string task_name(const ResultSet& set, std::size_t row, std::string_view field) {
  const std::string name = set.text(row, fmt::format("{}_comm", field));
  const auto pid = set.integer(row, fmt::format("{}_pid", field));
  if (pid == 0) return name.empty() ? "" : "idle";
  return fmt::format("{}({})", printable(name), pid);
}

std::string left(std::string_view text, std::size_t width) {
  const std::string cut = fitted(text, width);
  return cut + std::string(width - width_of(cut), ' ');
}

std::string short_bytes(std::uint64_t bytes) {
  constexpr std::array kUnits{"K", "M", "G", "T", "P", "E"};
  if (bytes < 1024) return bytes == 0 ? "0" : fmt::format("{}B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.{}f}{}", value, value < 10 ? 2 : value < 100 ? 1 : 0, kUnits[unit]);
}

}  // namespace kpulse::cli
