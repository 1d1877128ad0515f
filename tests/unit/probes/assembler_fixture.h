// What tests of assemblers share: the rows of some windows, and the values of one field in them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "model/frame.h"
#include "probes/probe.h"

namespace kpulse::probes {

/// Values of an integer field, one per row; empty when the series has no such column.
inline std::vector<std::uint64_t> values(const Series& series, std::uint32_t field) {
  const auto found = std::ranges::find(series.columns, field, &Column::field);
  return found == series.columns.end() ? std::vector<std::uint64_t>() : found->values;
}

template <class Assembler>
class AssemblerTest : public testing::Test {
 protected:
  template <class... Arguments>
  explicit AssemblerTest(Arguments... arguments) : assembler_(arguments...) {}

  /// Collects these windows into series_ and tasks_; the first series.
  const Series& collect(std::uint64_t first, std::uint32_t count) {
    series_.clear();
    tasks_.clear();
    TaskTable table(tasks_);
    assembler_.collect({.first = first, .count = count}, table, series_);
    return series_.at(0);
  }

  Assembler assembler_;
  std::vector<Series> series_;
  std::vector<Task> tasks_;
};

}  // namespace kpulse::probes
