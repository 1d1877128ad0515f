// A program's own metrics: a list of names with a way to read each, and the Prometheus text of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kpulse::metrics {

enum class Type { counter, gauge };

/// One sample. `labels` is ready text such as `reason="oversized"`, or empty.
struct Metric {
  std::string name;
  std::string labels;
  Type type;
  std::string help;
  std::function<double()> read;  ///< called on the endpoint's thread
};

/// `name="value"` with the value escaped, for Metric::labels; join several with a comma.
[[nodiscard]] std::string label(std::string_view name, std::string_view value);

class Registry {
 public:
  /// Before the registry is served; a name has one type and one help text, those of its first metric.
  void add(Metric metric) { metrics_.push_back(std::move(metric)); }

  /// Prometheus text format 0.0.4; metrics of one name stand together, HELP and TYPE once each.
  [[nodiscard]] std::string prometheus() const;

 private:
  std::vector<Metric> metrics_;
};

}  // namespace kpulse::metrics
