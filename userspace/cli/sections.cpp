#include "cli/sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>

#include "cli/cells.h"
#include "cli/text.h"

namespace kpulse::cli {
namespace {

/// In the order of section_statements().
enum Statement : std::size_t {
  kDisks,
  kWorst,
  kMemory,
  kStalls,
  kKills,
  kCgroups,
  kProcesses,
  kCgroupMemory,
  kCgroupIo,
  kWaiting,
  kFlights
};

constexpr std::size_t kNameWidth = 30;
constexpr std::size_t kTaskWidth = 24;
constexpr std::size_t kMostRows = 5;

using Lines = std::vector<std::string>;
using Sets = std::vector<const ResultSet*>;

Sets sets_of(const std::vector<ResultSet>& answer, Statement statement) {
  Sets sets;
  for (const ResultSet& set : answer) {
    if (set.statement == statement) sets.push_back(&set);
  }
  return sets;
}

std::uint64_t per_second(std::uint64_t count, const Span& span) {
  return static_cast<std::uint64_t>(1e9 * ratio(count, span.to_ns - span.from_ns));
}

/// Of several columns; nothing when one of them has no value, because that machine cannot measure it.
std::optional<std::uint64_t> sum_of(const ResultSet& set, std::initializer_list<std::string_view> columns) {
  std::uint64_t sum = 0;
  for (const std::string_view column : columns) {
    if (std::holds_alternative<std::monostate>(set.at(0, column))) return std::nullopt;
    sum += number(set, 0, column);
  }
  return sum;
}

std::string rate_cell(std::optional<std::uint64_t> count, const Span& span) {
  return count ? fmt::format("{}", per_second(*count, span)) : "-";
}

std::string time_cell(std::optional<std::uint64_t> ns) {
  return ns ? short_duration(*ns) : "-";
}

void begin_section(Lines& lines, std::string header) {
  lines.emplace_back();
  lines.push_back(std::move(header));
}

/// The sets with the largest values of a column, largest first.
Sets largest(Sets sets, std::string_view column) {
  std::erase_if(sets, [&](const ResultSet* set) { return number(*set, 0, column) == 0; });
  std::ranges::stable_sort(sets, std::greater(), [&](const ResultSet* set) { return number(*set, 0, column); });
  sets.resize(std::min(sets.size(), kMostRows));
  return sets;
}

/// Waits that have not ended when the span does.
void add_waiting(Lines& lines, const std::vector<ResultSet>& answer) {
  const Sets queues = largest(sets_of(answer, kWaiting), "longest_ns");
  if (queues.empty()) return;
  begin_section(lines, fmt::format("{} {:>8} {:>9}  {} {}", left("STILL WAITING", kNameWidth), "TASKS", "LONGEST",
                                   left("WHO", kTaskWidth), "WHO HAS THE CPU"));
  for (const ResultSet* set : queues) {
    lines.push_back(fmt::format("{} {:>8} {:>9}  {} {}", left("CPU " + printable(set->tag("cpu")), kNameWidth),
                                number(*set, 0, "waiting"), short_duration(number(*set, 0, "longest_ns")),
                                left(task_name(*set, 0, "task"), kTaskWidth),
                                fitted(task_name(*set, 0, "running"), kTaskWidth)));
  }
}

/// I/Os that have not ended when the span does, and are older than most disks take.
void add_in_flight(Lines& lines, const std::vector<ResultSet>& answer) {
  constexpr std::uint64_t kLongNs = 20'000'000;
  Sets flights = largest(sets_of(answer, kFlights), "oldest_ns");
  std::erase_if(flights, [](const ResultSet* set) { return number(*set, 0, "oldest_ns") < kLongNs; });
  if (flights.empty()) return;
  begin_section(lines, fmt::format("{} {:>8} {:>9} {:>9}  {}", left("STILL IN FLIGHT", kNameWidth), "IOS", "OLDEST",
                                   "AT DEVICE", "SUBMITTER OF THE OLDEST"));
  for (const ResultSet* set : flights) {
    lines.push_back(fmt::format(
        "{} {:>8} {:>9} {:>9}  {}", left(printable(set->tag("device")) + " " + printable(set->tag("op")), kNameWidth),
        number(*set, 0, "in_flight"), short_duration(number(*set, 0, "oldest_ns")),
        short_duration(number(*set, 0, "oldest_device_ns")), fitted(task_name(*set, 0, "submitter"), kTaskWidth)));
  }
}

void add_disks(Lines& lines, const std::vector<ResultSet>& answer, const Span& span) {
  std::map<std::pair<std::string, std::string>, const ResultSet*> worst;
  for (const ResultSet* set : sets_of(answer, kWorst)) worst[{set->tag("device"), set->tag("op")}] = set;
  const Sets disks = largest(sets_of(answer, kDisks), "ios");
  if (disks.empty()) return;
  begin_section(lines, fmt::format("{} {:>8} {:>8} {:>9} {:>9} {:>9} {:>6}  {}", left("DISK", kNameWidth), "IO/S",
                                   "BYTES/S", "QUEUE", "DEVICE", "WORST", "DEPTH", "SUBMITTER OF THE WORST"));
  for (const ResultSet* set : disks) {
    const std::uint64_t ios = number(*set, 0, "ios");
    const ResultSet* longest = worst[{set->tag("device"), set->tag("op")}];
    lines.push_back(
        fmt::format("{} {:>8} {:>8} {:>9} {:>9} {:>9} {:>6}  {}",
                    left(printable(set->tag("device")) + " " + printable(set->tag("op")), kNameWidth),
                    per_second(ios, span), short_bytes(per_second(number(*set, 0, "bytes"), span)),
                    short_duration(number(*set, 0, "queue") / ios), short_duration(number(*set, 0, "device") / ios),
                    short_duration(longest == nullptr ? 0 : number(*longest, 0, "worst")), number(*set, 0, "depth"),
                    longest == nullptr ? "" : fitted(task_name(*longest, 0, "submitter"), kTaskWidth)));
  }
}

void add_memory(Lines& lines, const std::vector<ResultSet>& answer, const Span& span) {
  const Sets memory = sets_of(answer, kMemory);
  if (memory.empty()) return;
  const ResultSet& set = *memory.front();
  begin_section(lines, fmt::format("{} {:>8} {:>8} {:>9} {:>9} {:>9}  {}", left("MEMORY", kNameWidth), "FAULTS/S",
                                   "MAJOR/S", "RECLAIM", "COMPACT", "WORST", "STALLED LONGEST"));
  const Sets stalls = sets_of(answer, kStalls);
  const std::uint64_t worst = stalls.empty() ? 0 : number(*stalls.front(), 0, "worst");
  lines.push_back(fmt::format("{} {:>8} {:>8} {:>9} {:>9} {:>9}  {}", left("", kNameWidth),
                              rate_cell(sum_of(set, {"user", "kernel"}), span), rate_cell(sum_of(set, {"major"}), span),
                              time_cell(sum_of(set, {"direct", "memcg"})), time_cell(sum_of(set, {"compaction"})),
                              short_duration(worst),
                              worst == 0 ? "" : fitted(task_name(*stalls.front(), 0, "stalled"), kTaskWidth)));
  for (const ResultSet* kills : sets_of(answer, kKills)) {
    for (std::size_t row = 0; row < kills->rows.size(); ++row) {
      lines.push_back(fmt::format("OUT OF MEMORY: {} was killed, with {} of its own", task_name(*kills, row, "victim"),
                                  short_bytes(number(*kills, row, "anon_bytes"))));
    }
  }
}

void add_cgroups(Lines& lines, const std::vector<ResultSet>& answer, const Span& span) {
  std::map<std::string, const ResultSet*> memory, io;
  for (const ResultSet* set : sets_of(answer, kCgroupMemory)) memory[set->tag("cgroup")] = set;
  for (const ResultSet* set : sets_of(answer, kCgroupIo)) io[set->tag("cgroup")] = set;
  const Sets cgroups = largest(sets_of(answer, kCgroups), "cpu");
  if (cgroups.empty()) return;
  begin_section(lines, fmt::format("{} {:>8} {:>9} {:>8} {:>9} {:>8}", left("CGROUP", kNameWidth), "CPU", "WAITED",
                                   "FAULTS/S", "STALLED", "IO/S"));
  for (const ResultSet* set : cgroups) {
    const std::string name = set->tag("cgroup");
    const auto of_memory = [&](std::initializer_list<std::string_view> columns) {
      return memory.contains(name) ? sum_of(*memory[name], columns) : 0;  // no row: nothing happened in it
    };
    const std::uint64_t ios = io.contains(name) ? number(*io[name], 0, "ios") : 0;
    lines.push_back(fmt::format("{} {:>7.1f}% {:>9} {:>8} {:>9} {:>8}", left(printable(name), kNameWidth),
                                100 * ratio(number(*set, 0, "cpu"), span.to_ns - span.from_ns),
                                short_duration(number(*set, 0, "wait")), rate_cell(of_memory({"faults"}), span),
                                time_cell(of_memory({"direct", "memcg", "compaction"})), per_second(ios, span)));
  }
}

/// Rows by rank; the reading that the span has is about a second long.
void add_processes(Lines& lines, const std::vector<ResultSet>& answer) {
  const Sets processes = largest(sets_of(answer, kProcesses), "cpu_ns");
  if (processes.empty()) return;
  begin_section(lines, fmt::format("{} {:>8} {:>8} {:>9} {:>9} {:>9}", left("PROCESS", kNameWidth), "CPU", "FAULTS",
                                   "WAITED", "READ", "WRITTEN"));
  for (const ResultSet* set : processes) {
    lines.push_back(fmt::format("{} {:>7.1f}% {:>8} {:>9} {:>9} {:>9}", left(task_name(*set, 0, "process"), kNameWidth),
                                100 * ratio(number(*set, 0, "cpu_ns"), number(*set, 0, "interval_ns")),
                                number(*set, 0, "minor_faults") + number(*set, 0, "major_faults"),
                                short_duration(number(*set, 0, "wait_ns")), short_bytes(number(*set, 0, "read_bytes")),
                                short_bytes(number(*set, 0, "write_bytes"))));
  }
}

}  // namespace

std::string section_statements(const Span& span) {
  // The process table comes once a second: the newest one is that of this span or of the one before.
  constexpr std::uint64_t kProcessReach = 2'000'000'000;
  const std::string where =
      fmt::format(R"("host" = {} AND time >= {} AND time < {})", literal(span.host), span.from_ns, span.to_ns);
  const std::string recently = fmt::format(R"("host" = {} AND time >= {} AND time < {})", literal(span.host),
                                           span.to_ns - std::min(span.to_ns, kProcessReach), span.to_ns);
  return fmt::format(
      R"(SELECT sum("ios") AS "ios", sum("io_bytes") AS "bytes", sum("queue_ns") AS "queue", sum("device_ns") AS "device", max("depth_max") AS "depth" FROM "kpulse_block" WHERE {0} GROUP BY "device", "op";)"
      R"(SELECT max("worst_ns") AS "worst", "submitter_comm", "submitter_pid" FROM "kpulse_block" WHERE {0} GROUP BY "device", "op";)"
      R"(SELECT sum("faults_user") AS "user", sum("faults_kernel") AS "kernel", sum("faults_major") AS "major", sum("direct_reclaim_ns") AS "direct", sum("memcg_reclaim_ns") AS "memcg", sum("compaction_ns") AS "compaction" FROM "kpulse_memory" WHERE {0};)"
      R"(SELECT max("stall_max_ns") AS "worst", "stalled_comm", "stalled_pid" FROM "kpulse_memory" WHERE {0};)"
      R"(SELECT "victim_comm", "victim_pid", "anon_bytes" FROM "kpulse_oom" WHERE {0};)"
      R"(SELECT sum("cpu_ns") AS "cpu", sum("wait_ns") AS "wait" FROM "kpulse_cgroup_sched" WHERE {0} GROUP BY "cgroup";)"
      R"(SELECT * FROM "kpulse_process" WHERE {1} AND "resource" = 'cpu' GROUP BY "rank" ORDER BY time DESC LIMIT 1;)"
      R"(SELECT sum("faults") AS "faults", sum("direct_reclaim_ns") AS "direct", sum("memcg_reclaim_ns") AS "memcg", sum("compaction_ns") AS "compaction" FROM "kpulse_cgroup_memory" WHERE {0} GROUP BY "cgroup";)"
      R"(SELECT sum("ios") AS "ios" FROM "kpulse_cgroup_io" WHERE {0} GROUP BY "cgroup";)"
      R"(SELECT * FROM "kpulse_waiting" WHERE {0} GROUP BY "cpu" ORDER BY time DESC LIMIT 1;)"
      R"(SELECT * FROM "kpulse_in_flight" WHERE {0} GROUP BY "device", "op" ORDER BY time DESC LIMIT 1)",
      where, recently);
}

std::vector<std::string> section_lines(const std::vector<ResultSet>& answer, const Span& span) {
  Lines lines;
  add_waiting(lines, answer);
  add_in_flight(lines, answer);
  add_disks(lines, answer, span);
  add_memory(lines, answer, span);
  add_cgroups(lines, answer, span);
  add_processes(lines, answer);
  return lines;
}

}  // namespace kpulse::cli
