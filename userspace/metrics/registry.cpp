#include "metrics/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace kpulse::metrics {
namespace {

std::string escaped(std::string_view text, bool quotes) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    if (c == '\n') {
      result += "\\n";
    } else {
      if (c == '\\' || (c == '"' && quotes)) result += '\\';
      result += c;
    }
  }
  return result;
}

void append_value(std::string& text, double value) {
  if (std::isnan(value)) {
    text += "NaN";
  } else if (std::isinf(value)) {
    text += value > 0 ? "+Inf" : "-Inf";
  } else {
    // Shortest text that reads back to the same double; whole numbers without a fraction.
    fmt::format_to(std::back_inserter(text), "{}", value);
  }
}

void append_header(std::string& text, const Metric& metric) {
  fmt::format_to(std::back_inserter(text), "# HELP {} {}\n# TYPE {} {}\n", metric.name, escaped(metric.help, false),
                 metric.name, metric.type == Type::counter ? "counter" : "gauge");
}

void append_sample(std::string& text, const Metric& metric) {
  text += metric.name;
  if (!metric.labels.empty()) text.append("{").append(metric.labels).append("}");
  text += ' ';
  append_value(text, metric.read());
  text += '\n';
}

}  // namespace

std::string label(std::string_view name, std::string_view value) {
  return fmt::format("{}=\"{}\"", name, escaped(value, true));
}

std::string Registry::prometheus() const {
  std::string text;
  for (auto first = metrics_.begin(); first != metrics_.end(); ++first) {
    const auto same_name = [&first](const Metric& metric) { return metric.name == first->name; };
    if (std::any_of(metrics_.begin(), first, same_name)) continue;  // written with the first of its name
    append_header(text, *first);
    for (auto metric = first; metric != metrics_.end(); ++metric) {
      if (same_name(*metric)) append_sample(text, *metric);
    }
  }
  return text;
}

}  // namespace kpulse::metrics
