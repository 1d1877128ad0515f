// The live table of `kpulse watch`: what to ask the database, and how to show the answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/query.h"

namespace kpulse::cli {

/// Which part of which host's data.
struct Span {
  std::string host;
  std::uint64_t from_ns = 0;  ///< start of the first window
  std::uint64_t to_ns = 0;    ///< end of the last window
};

/// One CPU over a span.
struct CpuRow {
  std::string cpu;
  double busy_ratio = 0;
  double switches_per_s = 0;
  std::uint64_t wait_p50_ns = 0;  ///< mean of the publish intervals' medians, weighted by their number of waits
  std::uint64_t wait_p99_ns = 0;  ///< the largest of the publish intervals'
  std::uint64_t wait_max_ns = 0;
  std::string victim;   ///< of the longest wait, "comm(pid)", printable; empty without one
  std::string culprit;  ///< likewise
};

/// The statements whose answer make_rows() reads.
[[nodiscard]] std::string table_statements(const Span& span);

/// One row per CPU, ascending by number.
[[nodiscard]] std::vector<CpuRow> make_rows(const std::vector<ResultSet>& answer, const Span& span);

/// Names of the columns, and a row under them; no line feed, no control characters.
[[nodiscard]] std::string table_header();
[[nodiscard]] std::string table_line(const CpuRow& row);

}  // namespace kpulse::cli
