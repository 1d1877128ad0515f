#include "cli/metrics_md.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/catalog.h"

namespace kpulse::cli {
namespace {

using testing::HasSubstr;

TEST(MetricsMarkdown, HasEveryMeasurementAndFieldOfTheCatalogue) {
  const std::string document = metrics_markdown();
  for (const Measurement& measurement : catalog()) {
    EXPECT_THAT(document, HasSubstr(fmt::format("\n## {} [{}]\n", measurement.name, measurement.id)));
    for (const Field& field : measurement.fields) {
      EXPECT_THAT(document, HasSubstr(fmt::format("\n| `{}` [{}] | ", field.name, field.id)));
    }
  }
}

TEST(MetricsMarkdown, SaysThatShortWaitsReadAsZero) {
  EXPECT_THAT(metrics_markdown(), HasSubstr("Waits below about 2 us read as 0"));
}

TEST(MetricsMarkdown, HasTablesWhoseRowsAllHaveFiveCells) {
  const std::string document = metrics_markdown();
  std::size_t rows = 0;
  for (std::size_t at = document.find("\n| `"); at != std::string::npos; at = document.find("\n| `", at + 1)) {
    const std::string line = document.substr(at + 1, document.find('\n', at + 1) - at - 1);
    EXPECT_EQ(std::count(line.begin(), line.end(), '|'), 6) << line;
    ++rows;
  }
  EXPECT_GT(rows, 30U);
}

}  // namespace
}  // namespace kpulse::cli
