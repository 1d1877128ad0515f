#include "influx/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "http/url.h"
#include "influx/plan.h"
#include "model/catalog.h"

namespace kpulse::influx {
namespace {

/// A field of the database and the function that sums it up over time.
struct Aggregate {
  std::string field;
  std::string_view function;
};

/// Empty for what is not rolled up: a task of the worst wait has no meaning over a longer time.
std::string_view function_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::amount:
      return "sum";
    case Kind::peak:
      return "max";
    case Kind::level:
    case Kind::total:
      return "last";
    case Kind::real:
    case Kind::share:
      return "mean";
    case Kind::task:
    case Kind::histogram:
      break;
  }
  return "";
}

/// Count and sum add up; of the quantiles the worst counts, because they cannot be merged.
std::vector<Aggregate> aggregates_of(const Field& field) {
  if (field.kind != Kind::histogram) {
    const std::string_view function = function_of(field.kind);
    return function.empty() ? std::vector<Aggregate>{} : std::vector<Aggregate>{{std::string(field.name), function}};
  }
  std::vector<Aggregate> all{{"count", "sum"}, {fmt::format("sum{}", unit_suffix(field.unit)), "sum"}};
  for (const std::string_view name : {"max", "p50", "p90", "p99", "p999"}) {
    all.push_back({fmt::format("{}{}", name, unit_suffix(field.unit)), "max"});
  }
  return all;
}

/// Calls `each(measurement name, aggregates)` for all that a frame can become, the rows by `le` included.
template <class Each>
void for_each_table(Each each) {
  for (const Measurement& measurement : catalog()) {
    std::vector<Aggregate> all;
    for (const Field& field : measurement.fields) {
      for (Aggregate& aggregate : aggregates_of(field)) all.push_back(std::move(aggregate));
    }
    if (!all.empty()) each(std::string(measurement.name), all);
    const bool has_le = std::ranges::count(measurement.fields, Kind::histogram, &Field::kind) > 0;
    if (has_le) each(fmt::format("{}_le", measurement.name), std::vector<Aggregate>{{"count", "sum"}});
  }
}

std::string influxql_rollup(const Server& server, std::uint64_t begin_ns) {
  const std::string database = quote(server.database);
  const std::string from = server.policy.empty() ? "" : quote(server.policy);
  std::string query;
  for_each_table([&](const std::string& name, const std::vector<Aggregate>& all) {
    std::string selected;
    for (const Aggregate& aggregate : all) {
      selected += fmt::format("{}{}({}) AS {}", selected.empty() ? "" : ", ", aggregate.function,
                              quote(aggregate.field), quote(aggregate.field));
    }
    query += fmt::format(
        "SELECT {} INTO {}.{}.{} FROM {}.{}.{} WHERE time >= {} AND time < {} GROUP BY time(10s), * fill(none);",
        selected, database, quote(kRollupPolicy), quote(name), database, from, quote(name), begin_ns,
        begin_ns + kRollupNs);
  });
  return query;
}

std::string flux_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '$') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

std::string flux_rollup(const Server& server, std::uint64_t begin_ns) {
  std::string query;
  for_each_table([&](const std::string& name, const std::vector<Aggregate>& all) {
    std::map<std::string_view, std::string> filters;  // by function
    for (const Aggregate& aggregate : all) {
      std::string& filter = filters[aggregate.function];
      filter += fmt::format("{}r._field == {}", filter.empty() ? "" : " or ", flux_string(aggregate.field));
    }
    for (const auto& [function, filter] : filters) {
      query += fmt::format(
          "from(bucket: {}) |> range(start: time(v: {}), stop: time(v: {})) |> filter(fn: (r) => r._measurement == {} "
          "and ({}))"
          " |> aggregateWindow(every: 10s, fn: {}, timeSrc: \"_start\", createEmpty: false)"
          " |> to(bucket: {}, org: {}) |> yield(name: {})\n",
          flux_string(server.bucket), begin_ns, begin_ns + kRollupNs, flux_string(name), filter, function,
          flux_string(server.bucket + std::string(kRollupBucketSuffix)), flux_string(server.org),
          flux_string(fmt::format("{}.{}", name, function)));
    }
  });
  return query;
}

}  // namespace

std::string quote(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') out.push_back('\\');
    if (c == '\n') {
      out += "\\n";
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

std::string form_of(std::string_view query) {
  return "q=" + http::escape(query);
}

std::vector<std::string> create_statements(std::string_view database, const Retention& retention) {
  const std::string hires = fmt::format("DURATION {}s REPLICATION 1 SHARD DURATION 1h", retention.hires.count());
  // The policy is created by itself as well: a database that exists already may lack it.
  return {fmt::format("CREATE DATABASE {} WITH {} NAME {}", quote(database), hires, quote(kHiresPolicy)),
          fmt::format("CREATE RETENTION POLICY {} ON {} {}", quote(kHiresPolicy), quote(database), hires),
          fmt::format("CREATE RETENTION POLICY {} ON {} DURATION {}s REPLICATION 1", quote(kRollupPolicy),
                      quote(database), retention.rollup.count())};
}

std::string rollup_query(Version version, const Server& server, std::uint64_t begin_ns) {
  switch (version) {
    case Version::v1:
      return influxql_rollup(server, begin_ns);
    case Version::v2:
      return flux_rollup(server, begin_ns);
    case Version::v3:
      break;
  }
  return "";
}

}  // namespace kpulse::influx
