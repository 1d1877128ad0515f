#include "probes/sched/assembler.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "model/ids.h"
#include "probes/columns.h"

namespace kpulse::probes {
namespace {

namespace id = ids::sched;

using Row = SchedRow;

/// A window without an event: the CPU did one thing all the time.
Row quiet(bool running, std::uint32_t runnable, std::uint64_t length) {
  return {.events = nullptr, .busy = running ? length : 0, .length = length, .runnable = runnable};
}

Row delivered(const kp_sched_window& record) {
  const std::uint64_t length = record.end - record.start;
  return {.events = &record,
          .busy = std::min<std::uint64_t>(record.busy_ns, length),
          .length = length,
          .runnable = record.runnable_max};
}

/// A window that has ended but was not closed, because nothing has happened since: its rest is like its last event left
/// it.
Row still_open(const kp_sched_window& open, std::uint64_t from) {
  Row row = delivered(open);
  if (open.running != 0 && from < open.end)
    row.busy = std::min<std::uint64_t>(open.busy_ns + open.end - std::max<std::uint64_t>(from, open.start), row.length);
  return row;
}

void fill(Columns& columns, std::size_t index, const Row& row, TaskTable& tasks) {
  columns.set(id::kBusy, index, row.busy);
  columns.set(id::kIdle, index, row.length - row.busy);
  columns.set(id::kRunnableMax, index, row.runnable);
  if (row.events == nullptr) return;
  const kp_sched_window& window = *row.events;
  columns.set(id::kSwitches, index, window.switches);
  columns.set(id::kVoluntary, index, window.voluntary);
  columns.set(id::kInvoluntary, index, window.involuntary);
  columns.set(id::kWaits, index, window.waits);
  columns.set(id::kWait, index, window.wait_ns);
  columns.set(id::kWaitMax, index, window.wait_max_ns);
  columns.set(id::kWaitsDiscarded, index, window.waits_discarded);
  columns.set(id::kDiscarded, index, window.discarded_ns);
  columns.set(id::kWaitsPartial, index, window.waits_partial);
  if (window.wait_max_ns == 0) return;
  columns.set(id::kCulpritTime, index, window.culprit_ns);
  columns.set(id::kVictim, index, tasks.add(window.victim));
  columns.set(id::kCulprit, index, tasks.add(window.culprit));
}

void fill(Columns& columns, std::size_t index, const SchedLife& life) {
  columns.set(id::kForks, index, life.forks);
  columns.set(id::kExecs, index, life.execs);
  columns.set(id::kExits, index, life.exits);
  columns.set(id::kMigrations, index, life.migrations);
}

Series series_of(std::uint32_t measurement, std::size_t cpu) {
  return {.measurement = measurement, .tags = {std::to_string(cpu)}, .absent = {}, .columns = {}};
}

void append_histogram(std::uint32_t measurement, std::size_t cpu, Column column, std::vector<Series>& series) {
  if (column.buckets.empty()) return;
  series.push_back(series_of(measurement, cpu));
  series.back().columns.push_back(std::move(column));
}

SchedLife life_at(const kp_sched_slots& slots, std::uint64_t window, std::uint64_t end) {
  const kp_sched_slot& slot = slots.slot[window % KP_SCHED_SLOTS];
  // A number far in the future was left by a stream before a step of the clock: not ours.
  const auto overtaken = [&](std::uint64_t number) { return number > window && number <= end + KP_SCHED_SLOTS; };
  SchedLife life{.window = window, .lost = overtaken(slot.life_window) || overtaken(slot.moves_window)};
  if (slot.life_window == window) {
    life.forks = slot.forks;
    life.execs = slot.execs;
    life.exits = slot.exits;
  }
  if (slot.moves_window == window) life.migrations = slot.migrations;
  return life;
}

}  // namespace

void SchedAssembler::set_windows(const kp_window_config& config) {
  if (config.epoch != config_.epoch) std::ranges::fill(cpus_, Cpu{});
  config_ = config;
}

bool SchedAssembler::on_record(const kp_sched_window& record) {
  if (record.head.cpu >= cpus_.size()) return false;
  Cpu& cpu = cpus_[record.head.cpu];
  if (record.epoch != config_.epoch) return true;  // belongs to a stream that has ended
  if (record.number >= cpu.collected) {
    cpu.records.push_back(record);
  } else if (record.number != cpu.published_open || record.switches != cpu.published_switches) {
    ++windows_late_;
  }
  return true;
}

void SchedAssembler::on_snapshot(std::size_t number, const kp_sched_cpu& snapshot) {
  Cpu& cpu = cpus_[number];
  cpu.open = snapshot.open;
  if (cpu.open.epoch != config_.epoch) cpu.open.number = 0;  // older than the stream; what it does still counts
  cpu.from = snapshot.from;
  cpu.wait_now = snapshot.wait;
  cpu.oncpu_now = snapshot.oncpu;
  if (!std::exchange(cpu.begun, true)) {
    cpu.wait = snapshot.wait;
    cpu.oncpu = snapshot.oncpu;
  }
}

void SchedAssembler::on_slots(std::size_t number, const kp_sched_slots& slots, std::uint64_t end) {
  Cpu& cpu = cpus_[number];
  const std::uint64_t oldest = end > KP_SCHED_SLOTS ? end - KP_SCHED_SLOTS : 0;
  for (std::uint64_t window = std::max(cpu.life_taken, oldest); window < end; ++window) {
    const SchedLife life = life_at(slots, window, end);
    if (life.lost || life.forks + life.execs + life.exits + life.migrations > 0) cpu.life.push_back(life);
  }
  cpu.life_taken = std::max(cpu.life_taken, end);
}

void SchedAssembler::collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) {
  for (std::size_t number = 0; number < cpus_.size(); ++number) {
    Cpu& cpu = cpus_[number];
    cpu.collected = windows.end();
    if (cpu.from != 0) collect_cpu(number, cpu, windows, tasks, series);
  }
}

std::optional<SchedRow> SchedAssembler::row_of(Cpu& cpu, std::uint64_t window) const {
  while (!cpu.records.empty() && cpu.records.front().number < window) {
    cpu.last_number = cpu.records.front().number;
    cpu.last_running = cpu.records.front().running != 0;
    cpu.last_runnable = cpu.records.front().runnable;
    cpu.records.pop_front();
  }
  if (cpu.records.empty() && (cpu.open.number > cpu.last_number || cpu.last_number == 0)) {
    if (cpu.open.number < window) return quiet(cpu.open.running != 0, cpu.open.runnable, config_.length);
    if (cpu.open.number == window) return still_open(cpu.open, cpu.from);
  }
  const kp_sched_window* next = !cpu.records.empty() ? &cpu.records.front() : &cpu.open;
  if (next->number == window) return delivered(*next);
  if (next->number > window) {
    if (next->previous != 0 && next->previous < window)
      return quiet(next->carried != 0, next->runnable_carried, config_.length);
    return std::nullopt;
  }
  // What was open when the mapping was read has been closed since, by an event after all windows asked for.
  return quiet(cpu.last_running, cpu.last_runnable, config_.length);
}

void SchedAssembler::collect_cpu(std::size_t number, Cpu& cpu, const WindowRange& windows, TaskTable& tasks,
                                 std::vector<Series>& series) {
  Series sched = series_of(ids::kSched, number);
  Columns columns(windows.count, id::kRunnableMax);
  for (std::uint32_t index = 0; index < windows.count; ++index) {
    const std::uint64_t window = windows.first + index;
    while (!cpu.life.empty() && cpu.life.front().window < window) cpu.life.pop_front();
    const bool has_life = !cpu.life.empty() && cpu.life.front().window == window;
    const std::optional<Row> row = row_of(cpu, window);
    if (!row || (has_life && cpu.life.front().lost)) {
      sched.absent.push_back(index);
      ++windows_lost_;
      continue;
    }
    fill(columns, index, *row, tasks);
    if (has_life) fill(columns, index, cpu.life.front());
    if (row->events == &cpu.open) {
      cpu.published_open = window;
      cpu.published_switches = cpu.open.switches;
    }
  }
  columns.append_to(sched.columns);
  leave_out(unmeasured_, sched);
  series.push_back(std::move(sched));
  append_histogram(ids::kSchedWait, number, difference(ids::histogram::kDistribution, cpu.wait, cpu.wait_now), series);
  append_histogram(ids::kSchedOnCpu, number, difference(ids::histogram::kDistribution, cpu.oncpu, cpu.oncpu_now),
                   series);
}

}  // namespace kpulse::probes
