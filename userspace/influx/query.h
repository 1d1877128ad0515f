// Query texts: InfluxQL for 1.x, Flux for 2.x, made from the catalogue. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "influx/dialect.h"

namespace kpulse::influx {

/// Names of the two retention policies of a 1.x database that the bridge creates.
inline constexpr std::string_view kHiresPolicy = "hires";
inline constexpr std::string_view kRollupPolicy = "rollup";
/// 2.x: the bucket of the rollup is called <bucket>_rollup.
inline constexpr std::string_view kRollupBucketSuffix = "_rollup";

/// Length of a rollup's bucket of time.
inline constexpr std::uint64_t kRollupNs = 10'000'000'000;

struct Retention {
  std::chrono::seconds hires{std::chrono::hours{24}};
  std::chrono::seconds rollup{std::chrono::hours{672}};
};

/// InfluxQL statements that make a database with its two policies; each may answer that it exists already.
[[nodiscard]] std::vector<std::string> create_statements(std::string_view database, const Retention& retention);

/// One query that sums up all measurements of the catalogue from `begin_ns` (a multiple of kRollupNs) for kRollupNs:
/// InfluxQL for 1.x, Flux for 2.x, empty for 3. Reads only the database, so running it again after late data makes the
/// result right.
[[nodiscard]] std::string rollup_query(Version version, const Server& server, std::uint64_t begin_ns);

/// InfluxQL identifier in double quotes.
[[nodiscard]] std::string quote(std::string_view name);
/// The body of an InfluxQL request: q=<query>.
[[nodiscard]] std::string form_of(std::string_view query);

}  // namespace kpulse::influx
