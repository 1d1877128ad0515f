// What `kpulse watch` asks the database, step by step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/database.h"
#include "cli/latency.h"
#include "cli/table.h"

namespace kpulse::cli {

struct WatchSummary {
  std::string host;
  std::size_t cpus = 0;
  std::uint64_t window_ns = 0;
  std::uint64_t windows = 0;  ///< of all CPUs, that were seen to become queryable
  std::uint64_t missing = 0;  ///< not in the database at the end, though later ones are
  std::uint64_t latency_p50_ns = 0;
  std::uint64_t latency_p99_ns = 0;
};

[[nodiscard]] std::string summary_text(const WatchSummary& summary);
[[nodiscard]] std::string summary_json(const WatchSummary& summary);

/// One host's data in one database. One thread.
class WatchSession {
 public:
  WatchSession(Database http, std::string host) : http_(std::move(http)), host_(std::move(host)) {}

  /// Finds host and newest windows; false while there is nothing from the last 10 s.
  [[nodiscard]] Result<bool> find_data(std::uint64_t now_ns);

  /// Takes in the windows that have come since.
  [[nodiscard]] Result<> poll();

  /// The last `interval_ns` that every CPU has data of.
  [[nodiscard]] Result<std::vector<CpuRow>> table(std::uint64_t interval_ns);

  /// The sections under the table, for the same time; no lines when the database has nothing for them.
  [[nodiscard]] Result<std::vector<std::string>> sections(std::uint64_t interval_ns);

  [[nodiscard]] Result<WatchSummary> summary();

  [[nodiscard]] const LatencyTracker& latency() const noexcept { return latency_; }
  [[nodiscard]] const std::string& host() const noexcept { return host_; }

 private:
  [[nodiscard]] Result<bool> find_host();
  [[nodiscard]] Span newest(std::uint64_t interval_ns) const;

  Database http_;
  std::string host_;
  LatencyTracker latency_;
  std::uint64_t first_ns_ = 0;  ///< windows after this one are counted
};

}  // namespace kpulse::cli
