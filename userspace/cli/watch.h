// `kpulse watch`: the live table, read back from InfluxDB, and how long a window takes to get there.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "cli/database.h"

namespace kpulse::cli {

struct WatchOptions {
  InfluxTarget influx;
  std::string host;                      ///< empty: the only one there is, or this machine
  std::chrono::nanoseconds duration{0};  ///< 0: until Ctrl-C
  std::chrono::nanoseconds interval{std::chrono::seconds(1)};
  std::chrono::nanoseconds wait{std::chrono::seconds(10)};  ///< for the first window
  std::string summary_file;                                 ///< JSON, written at the end; empty: none
};

/// Runs until the time is over, SIGINT or SIGTERM. An Error when there was no data, or none to summarise.
[[nodiscard]] Result<> watch(const WatchOptions& options);

}  // namespace kpulse::cli
