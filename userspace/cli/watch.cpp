#include "cli/watch.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <thread>

#include "base/clock.h"
#include "cli/screen.h"
#include "cli/stop_signal.h"
#include "cli/text.h"
#include "cli/watch_session.h"

namespace kpulse::cli {
namespace {

constexpr std::chrono::milliseconds kPoll{10};
constexpr std::chrono::milliseconds kLook{50};

std::uint64_t to_ns(std::chrono::nanoseconds time) {
  return static_cast<std::uint64_t>(time.count());
}

/// Until there is data. The database may be there before the bridge has created ours: errors count only at the end.
Result<> wait_for_data(WatchSession& session, std::chrono::nanoseconds limit) {
  const std::uint64_t deadline = monotonic_ns() + to_ns(limit);
  std::string reason = "no window from the last 10 s in it";
  while (!stop_signalled()) {
    auto found = session.find_data(wall_ns());
    if (found && *found) return {};
    if (!found && found.error().kind == ErrorKind::usage) return fail(std::move(found).error());
    if (!found) reason = found.error().message;
    if (monotonic_ns() >= deadline) {
      return fail(fmt::format("no data in the database within {}: {}", short_duration(to_ns(limit)), reason));
    }
    std::this_thread::sleep_for(kLook);
  }
  return fail("ended before there was data");
}

std::string title(const WatchSession& session) {
  const LatencyTracker& latency = session.latency();
  const std::uint64_t now = wall_ns();
  return fmt::format("kpulse {}  {:%H:%M:%S}  {} windows of {}  queryable after p50 {} p99 {}",
                     printable(session.host()), fmt::localtime(static_cast<std::time_t>(now / 1'000'000'000)),
                     latency.windows(), short_duration(latency.window_ns()), short_duration(latency.quantile(0.5)),
                     short_duration(latency.quantile(0.99)));
}

/// Table and sections on a terminal; elsewhere lines for programs: the table, with its header only once.
void show(Screen& screen, const WatchSession& session, const std::vector<CpuRow>& rows,
          const std::vector<std::string>& sections, bool first) {
  std::vector<std::string> lines;
  if (screen.terminal()) lines.push_back(title(session));
  if (screen.terminal() || first) lines.push_back(table_header());
  for (const CpuRow& row : rows) lines.push_back(table_line(row));
  lines.insert(lines.end(), sections.begin(), sections.end());
  screen.show(lines);
}

Result<> show_newest(Screen& screen, WatchSession& session, std::uint64_t interval_ns, bool& first) {
  auto rows = session.table(interval_ns);
  if (!rows) return fail(std::move(rows).error());
  Result<std::vector<std::string>> sections;
  if (screen.terminal()) sections = session.sections(interval_ns);
  if (!sections) return fail(std::move(sections).error());
  show(screen, session, *rows, *sections, std::exchange(first, false));
  return {};
}

/// Polls and shows until the time is over. An error of the database is said once and got over.
void follow(WatchSession& session, const WatchOptions& options) {
  Screen screen;
  std::string last_error;
  bool first = true;
  const std::uint64_t begin = monotonic_ns();
  std::uint64_t next_table = begin + to_ns(options.interval);
  while (!stop_signalled() && (to_ns(options.duration) == 0 || monotonic_ns() - begin < to_ns(options.duration))) {
    auto polled = session.poll();
    if (polled && monotonic_ns() >= next_table && session.latency().windows() > 0) {
      polled = show_newest(screen, session, to_ns(options.interval), first);
      next_table = std::max(next_table + to_ns(options.interval), monotonic_ns());
    }
    const std::string error = polled ? "" : polled.error().message;
    if (!error.empty() && error != last_error) fmt::print(stderr, "kpulse: {}\n", error);
    last_error = error;
    std::this_thread::sleep_for(kPoll);
  }
}

Result<> write_summary(const std::string& path, const WatchSummary& summary) {
  if (path.empty()) return {};
  std::ofstream file(path, std::ios::trunc);
  file << summary_json(summary);
  file.close();
  return file ? Result<>{} : fail(fmt::format("cannot write {}", path));
}

}  // namespace

Result<> watch(const WatchOptions& options) {
  auto http = Database::open(options.influx);
  if (!http) return fail(std::move(http).error());
  catch_stop_signals();
  WatchSession session(std::move(*http), options.host);
  if (auto ready = wait_for_data(session, options.wait); !ready) return ready;
  follow(session, options);
  auto summary = session.summary();
  if (!summary) return fail(std::move(summary).error());
  fmt::print("{}", summary_text(*summary));
  return write_summary(options.summary_file, *summary);
}

}  // namespace kpulse::cli
