#include "metrics/registry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "metrics/process.h"

namespace kpulse::metrics {
namespace {

Metric metric(std::string name, std::string labels, Type type, double value, std::string help = "Help.") {
  return {.name = std::move(name), .labels = std::move(labels), .type = type, .help = std::move(help), .read = [value] {
            return value;
          }};
}

TEST(Registry, WritesThePrometheusTextFormatExactly) {
  Registry registry;
  registry.add(metric("kpulse_drops_total", label("reason", "oversized"), Type::counter, 3));
  registry.add(metric("kpulse_queue_bytes", "", Type::gauge, 0.25, "Bytes\nthat \\ wait \"here\"."));
  registry.add(metric("kpulse_drops_total", label("reason", "host"), Type::counter, 0, "Ignored."));
  EXPECT_EQ(registry.prometheus(),
            "# HELP kpulse_drops_total Help.\n"
            "# TYPE kpulse_drops_total counter\n"
            "kpulse_drops_total{reason=\"oversized\"} 3\n"
            "kpulse_drops_total{reason=\"host\"} 0\n"
            "# HELP kpulse_queue_bytes Bytes\\nthat \\\\ wait \"here\".\n"
            "# TYPE kpulse_queue_bytes gauge\n"
            "kpulse_queue_bytes 0.25\n");
}

TEST(Registry, WritesNumbersThatReadBackToTheSame) {
  const auto text = [](double value) {
    Registry registry;
    registry.add(metric("m", "", Type::gauge, value));
    const std::string all = registry.prometheus();
    return all.substr(all.rfind("\nm ") + 3);
  };
  EXPECT_EQ(text(1'234'567'890'123), "1234567890123\n");
  EXPECT_EQ(text(-1), "-1\n");
  EXPECT_EQ(text(0.1), "0.1\n");
  EXPECT_EQ(std::stod(text(1.0 / 3.0)), 1.0 / 3.0);
  EXPECT_EQ(text(std::numeric_limits<double>::infinity()), "+Inf\n");
  EXPECT_EQ(text(-std::numeric_limits<double>::infinity()), "-Inf\n");
  EXPECT_EQ(text(std::nan("")), "NaN\n");
}

TEST(Registry, EscapesLabelValues) {
  EXPECT_EQ(label("host", "a\"b\\c\nd"), "host=\"a\\\"b\\\\c\\nd\"");
}

TEST(Registry, ReadsTheValueAtEveryScrape) {
  Registry registry;
  int calls = 0;
  registry.add({.name = "m", .labels = "", .type = Type::counter, .help = "", .read = [&calls] {
                  return static_cast<double>(++calls);
                }});
  static_cast<void>(registry.prometheus());
  EXPECT_NE(registry.prometheus().find("\nm 2\n"), std::string::npos);
}

TEST(ProcessMetrics, KnowWhatThisProcessUses) {
  const auto before = resident_bytes();
  EXPECT_GT(before, 1U << 20U);
  const std::vector<char> touched(32U << 20U, 'x');
  EXPECT_GT(resident_bytes(), before + (24U << 20U));
  EXPECT_EQ(touched.back(), 'x');
  Registry registry;
  add_process_metrics(registry);
  const std::string text = registry.prometheus();
  EXPECT_NE(text.find("# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 0."), std::string::npos);
  EXPECT_NE(text.find("# TYPE process_resident_memory_bytes gauge\n"), std::string::npos);
}

}  // namespace
}  // namespace kpulse::metrics
