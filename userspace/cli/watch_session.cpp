#include "cli/watch_session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "cli/sections.h"
#include "cli/text.h"

namespace kpulse::cli {
namespace {

constexpr std::uint64_t kRecentNs = 10'000'000'000;

std::string own_host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::vector<std::string> tag_values(const std::vector<ResultSet>& answer) {
  std::vector<std::string> values;
  for (const ResultSet& set : answer) {
    for (std::size_t row = 0; row < set.rows.size(); ++row) values.push_back(set.text(row, "value"));
  }
  return values;
}

std::uint64_t time_of(const ResultSet& set, std::size_t row) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(set.integer(row, "time"), 0));
}

}  // namespace

Result<bool> WatchSession::find_host() {
  if (!host_.empty()) return true;
  auto answer = query(http_, R"(SHOW TAG VALUES FROM "kpulse_sched" WITH KEY = "host")");
  if (!answer) return fail(std::move(answer).error());
  const auto hosts = tag_values(*answer);
  if (hosts.empty()) return false;
  if (hosts.size() > 1 && std::ranges::find(hosts, own_host()) == hosts.end()) {
    return fail(fmt::format("the database has {} hosts ({}, {}, ...): choose one with --host", hosts.size(),
                            printable(hosts[0]), printable(hosts[1])),
                ErrorKind::usage);
  }
  host_ = hosts.size() == 1 ? hosts.front() : own_host();
  return true;
}

Result<bool> WatchSession::find_data(std::uint64_t now_ns) {
  auto found = find_host();
  if (!found || !*found) return found;
  auto answer = query(
      http_, fmt::format(R"(SELECT last("busy_ns") FROM "kpulse_sched" WHERE "host" = {} AND time > {} GROUP BY "cpu")",
                         literal(host_), now_ns - kRecentNs));
  if (!answer) return fail(std::move(answer).error());
  for (const ResultSet& set : *answer) latency_.begin(set.tag("cpu"), time_of(set, 0));
  first_ns_ = latency_.newest_common();
  return latency_.cpus() > 0;
}

Result<> WatchSession::poll() {
  auto answer = query(
      http_,
      fmt::format(R"(SELECT "busy_ns", "idle_ns" FROM "kpulse_sched" WHERE "host" = {} AND time > {} GROUP BY "cpu")",
                  literal(host_), latency_.newest_common()));
  if (!answer) return fail(std::move(answer).error());
  const std::uint64_t now = wall_ns();
  for (const ResultSet& set : *answer) {
    const std::string cpu = set.tag("cpu");
    for (std::size_t row = 0; row < set.rows.size(); ++row) {
      const std::int64_t length = set.integer(row, "busy_ns") + set.integer(row, "idle_ns");
      latency_.seen(cpu, time_of(set, row), static_cast<std::uint64_t>(std::max<std::int64_t>(length, 1)), now);
    }
  }
  return {};
}

/// The last `interval_ns` that every CPU has data of.
Span WatchSession::newest(std::uint64_t interval_ns) const {
  const std::uint64_t end = latency_.newest_common() + latency_.window_ns();
  return {.host = host_, .from_ns = end - std::min(interval_ns, end), .to_ns = end};
}

Result<std::vector<std::string>> WatchSession::sections(std::uint64_t interval_ns) {
  const Span span = newest(interval_ns);
  auto answer = query(http_, section_statements(span));
  if (!answer) return fail(std::move(answer).error());
  return section_lines(*answer, span);
}

Result<std::vector<CpuRow>> WatchSession::table(std::uint64_t interval_ns) {
  const Span span = newest(interval_ns);
  auto answer = query(http_, table_statements(span));
  if (!answer) return fail(std::move(answer).error());
  return make_rows(*answer, span);
}

Result<WatchSummary> WatchSession::summary() {
  WatchSummary summary{.host = host_,
                       .cpus = latency_.cpus(),
                       .window_ns = latency_.window_ns(),
                       .windows = latency_.windows(),
                       .latency_p50_ns = latency_.quantile(0.5),
                       .latency_p99_ns = latency_.quantile(0.99)};
  if (summary.windows == 0) return fail(fmt::format("no new window of {} came into the database", printable(host_)));
  const std::uint64_t last = latency_.newest_common();
  auto answer = query(
      http_,
      fmt::format(
          R"(SELECT count("busy_ns") FROM "kpulse_sched" WHERE "host" = {} AND time > {} AND time <= {} GROUP BY "cpu")",
          literal(host_), first_ns_, last));
  if (!answer) return fail(std::move(answer).error());
  std::uint64_t counted = 0;
  for (const ResultSet& set : *answer) counted += static_cast<std::uint64_t>(set.integer(0, "count"));
  const std::uint64_t expected = (last - first_ns_) / summary.window_ns * summary.cpus;
  summary.missing = expected > counted ? expected - counted : 0;
  return summary;
}

std::string summary_text(const WatchSummary& summary) {
  return fmt::format(
      "windows    {} of {} on {} CPUs of {}, {} missing\n"
      "latency    p50 {}, p99 {} from the end of a window to being queryable\n",
      summary.windows, short_duration(summary.window_ns), summary.cpus, printable(summary.host), summary.missing,
      short_duration(summary.latency_p50_ns), short_duration(summary.latency_p99_ns));
}

std::string summary_json(const WatchSummary& summary) {
  const nlohmann::ordered_json json{{"host", printable(summary.host)},
                                    {"cpus", summary.cpus},
                                    {"window_ns", summary.window_ns},
                                    {"windows", summary.windows},
                                    {"missing", summary.missing},
                                    {"latency_p50_ns", summary.latency_p50_ns},
                                    {"latency_p99_ns", summary.latency_p99_ns}};
  return json.dump() + "\n";
}

}  // namespace kpulse::cli
