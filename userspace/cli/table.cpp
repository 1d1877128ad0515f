#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/cells.h"
#include "cli/text.h"

namespace kpulse::cli {
namespace {

enum Statement : std::size_t { kCounts, kWorst, kWaits };

constexpr std::size_t kTaskWidth = 24;

/// CPUs in the order of their numbers: 2 before 10.
struct ByNumber {
  bool operator()(const std::string& a, const std::string& b) const noexcept {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }
};

void add_counts(CpuRow& row, const ResultSet& set, const Span& span) {
  const std::uint64_t busy = number(set, 0, "busy");
  row.busy_ratio = ratio(busy, busy + number(set, 0, "idle"));
  row.switches_per_s = 1e9 * ratio(number(set, 0, "switches"), span.to_ns - span.from_ns);
}

void add_worst(CpuRow& row, const ResultSet& set) {
  row.wait_max_ns = number(set, 0, "wait_max");
  if (row.wait_max_ns == 0) return;
  row.victim = task_name(set, 0, "victim");
  row.culprit = task_name(set, 0, "culprit");
  if (row.culprit.empty()) row.culprit = "idle";  // nobody else had the CPU
}

void add_waits(CpuRow& row, const ResultSet& set) {
  std::uint64_t waits = 0;
  double medians = 0;
  for (std::size_t i = 0; i < set.rows.size(); ++i) {
    const std::uint64_t count = number(set, i, "count");
    waits += count;
    medians += static_cast<double>(count) * static_cast<double>(set.integer(i, "p50_ns"));
    row.wait_p99_ns = std::max(row.wait_p99_ns, number(set, i, "p99_ns"));
  }
  if (waits > 0) row.wait_p50_ns = static_cast<std::uint64_t>(medians / static_cast<double>(waits));
}

}  // namespace

std::string table_statements(const Span& span) {
  const std::string where = fmt::format(R"("host" = {} AND time >= {} AND time < {} GROUP BY "cpu")",
                                        literal(span.host), span.from_ns, span.to_ns);
  return fmt::format(
      R"(SELECT sum("busy_ns") AS "busy", sum("idle_ns") AS "idle", sum("switches") AS "switches" FROM "kpulse_sched" WHERE {0};)"
      R"(SELECT max("wait_max_ns") AS "wait_max", "victim_comm", "victim_pid", "culprit_comm", "culprit_pid" FROM "kpulse_sched" WHERE {0};)"
      R"(SELECT "count", "p50_ns", "p99_ns" FROM "kpulse_sched_wait" WHERE {0})",
      where);
}

std::vector<CpuRow> make_rows(const std::vector<ResultSet>& answer, const Span& span) {
  std::map<std::string, CpuRow, ByNumber> rows;
  for (const ResultSet& set : answer) {
    CpuRow& row = rows[set.tag("cpu")];
    row.cpu = set.tag("cpu");
    if (set.statement == kCounts) add_counts(row, set, span);
    if (set.statement == kWorst) add_worst(row, set);
    if (set.statement == kWaits) add_waits(row, set);
  }
  std::vector<CpuRow> ordered;
  for (auto& [cpu, row] : rows) {
    // Quantiles are middles of buckets and can be above the largest value, which is exact.
    row.wait_p50_ns = std::min(row.wait_p50_ns, row.wait_max_ns);
    row.wait_p99_ns = std::min(row.wait_p99_ns, row.wait_max_ns);
    ordered.push_back(std::move(row));
  }
  return ordered;
}

std::string table_header() {
  return fmt::format("{:>4} {:>7} {:>11} {:>9} {:>9} {:>9}  {} {}", "CPU", "BUSY", "SWITCHES/S", "WAIT P50", "P99",
                     "MAX", left("VICTIM", kTaskWidth), "CULPRIT");
}

std::string table_line(const CpuRow& row) {
  return fmt::format("{:>4} {:>6.1f}% {:>11.0f} {:>9} {:>9} {:>9}  {} {}", printable(row.cpu), 100 * row.busy_ratio,
                     row.switches_per_s, short_duration(row.wait_p50_ns), short_duration(row.wait_p99_ns),
                     short_duration(row.wait_max_ns), left(row.victim, kTaskWidth), fitted(row.culprit, kTaskWidth));
}

}  // namespace kpulse::cli
