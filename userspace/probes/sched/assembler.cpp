#include "probes/sched/assembler.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "model/ids.h"
#include "probes/columns.h"

namespace kpulse::probes {
namespace {

namespace id = ids::sched;

void fill(Columns& columns, std::size_t index, const SchedRow& row, TaskTable& tasks) {
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

void fill(Columns& columns, std::size_t index, const kp_lost& lost) {
  columns.set(id::kStolen, index, lost.stolen);
  columns.set(id::kIrq, index, lost.irq);
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

SchedLife life_at(std::span<const kp_sched_slot> slots, std::uint64_t window, std::uint64_t end) {
  const kp_sched_slot& slot = slots[window % slots.size()];
  // A number far in the future was left by a stream before a step of the clock: not ours.
  const auto overtaken = [&](std::uint64_t number) { return number > window && number <= end + slots.size(); };
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
  if (config.epoch != config_.epoch) {
    for (Cpu& cpu : cpus_) {
      LateWindows late = std::move(cpu.late);
      late.begin(config.length);
      cpu = {};
      cpu.late = std::move(late);
    }
  }
  config_ = config;
}

SchedAssembler::Published SchedAssembler::Published::of(const kp_sched_window& window, const SchedRow& row) {
  return {.number = window.number,
          .busy = row.busy,
          .wait_ns = window.wait_ns,
          .switches = window.switches,
          .waits = window.waits,
          .running = window.running};
}

/// What the CPU did at the last reading, it has done since its last event: no record says anything newer.
bool SchedAssembler::goes_on(const Cpu& cpu) {
  return cpu.records.empty() && (cpu.open.number > cpu.last.number || cpu.last.number == 0);
}

bool SchedAssembler::on_record(const kp_sched_window& record) {
  if (record.head.cpu >= cpus_.size()) return false;
  Cpu& cpu = cpus_[record.head.cpu];
  if (record.epoch != config_.epoch) return true;  // belongs to a stream that has ended
  cpu.lost.on_record(record);
  if (record.number >= cpu.collected) {
    cpu.late.on_chain(record);
    cpu.records.push_back(record);
    return true;
  }
  if (const SchedRow row = closed_row(record); Published::of(record, row) != cpu.published)
    cpu.late.on_late(record, row);
  if (record.number >= cpu.last.number) cpu.last = record;
  return true;
}

void SchedAssembler::on_snapshot(std::size_t number, const kp_sched_cpu& snapshot) {
  Cpu& cpu = cpus_[number];
  cpu.open = snapshot.open;
  if (cpu.open.epoch != config_.epoch) cpu.open.number = 0;  // older than the stream; what it does still counts
  cpu.from = snapshot.from;
  cpu.lost_so_far = snapshot.lost;
  cpu.wait_now = snapshot.wait;
  cpu.oncpu_now = snapshot.oncpu;
  if (!std::exchange(cpu.begun, true)) {
    cpu.wait = snapshot.wait;
    cpu.oncpu = snapshot.oncpu;
  }
}

void SchedAssembler::on_slots(std::size_t number, std::span<const kp_sched_slot> slots, std::uint64_t end) {
  Cpu& cpu = cpus_[number];
  const std::uint64_t oldest = end > slots.size() ? end - slots.size() : 0;
  if (cpu.life_taken != 0 && cpu.life_taken < oldest) {  // their slots may be others' by now
    if (cpu.life_lost_end <= cpu.late.oldest()) cpu.life_lost_from = cpu.life_taken;
    cpu.life_lost_end = oldest;
  }
  for (std::uint64_t window = std::max(cpu.life_taken, oldest); window < end; ++window) {
    const SchedLife life = life_at(slots, window, end);
    if (life.lost || life.forks + life.execs + life.exits + life.migrations > 0) cpu.life.push_back(life);
  }
  cpu.life_taken = std::max(cpu.life_taken, end);
}

void SchedAssembler::collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) {
  for (std::size_t number = 0; number < cpus_.size(); ++number) {
    Cpu& cpu = cpus_[number];
    mend_lost(cpu);
    cpu.collected = windows.end();
    if (cpu.from != 0) collect_cpu(number, cpu, windows, tasks, series);
  }
}

std::optional<WindowRange> SchedAssembler::late() {
  std::optional<WindowRange> range;
  for (Cpu& cpu : cpus_) {
    if (goes_on(cpu) && cpu.open.number != 0 && cpu.open.number < cpu.collected) {
      const SchedRow row = open_row(cpu.open, cpu.from);
      if (const Published now = Published::of(cpu.open, row); now != cpu.published) {
        cpu.late.on_late(cpu.open, row);
        cpu.published = now;
      }
    }
    cpu.late.settle();
    mend_lost(cpu);
    if (cpu.late.empty()) continue;
    const std::uint64_t first = std::min(range ? range->first : cpu.late.first(), cpu.late.first());
    const std::uint64_t end = std::max(range ? range->end() : 0, cpu.late.last() + 1);
    range = {.first = first, .count = static_cast<std::uint32_t>(end - first)};
  }
  return range;
}

/// Windows that were published as the last known event left them: what was lost in them shows at the next one.
void SchedAssembler::mend_lost(Cpu& cpu) const {
  cpu.lost.on_snapshot(cpu.from, cpu.open.running != 0, cpu.lost_so_far, cpu.look);
  const bool open = goes_on(cpu) && cpu.open.number < cpu.collected;
  const kp_sched_window& last = open ? cpu.open : cpu.last;
  // Before the first record of a stream it is not known what they were published as.
  const std::uint64_t from = open || last.number != 0 ? last.number : cpu.collected;
  for (const std::uint64_t window : cpu.lost.mend(std::max(from, cpu.late.oldest()))) {
    if (window > last.number) {
      cpu.late.say_again(window, quiet_row(last.running != 0, last.runnable, config_.length));
    } else {
      cpu.late.say_again(window, open ? open_row(last, cpu.from) : closed_row(last));
    }
  }
}

void SchedAssembler::collect_late(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) {
  for (std::size_t number = 0; number < cpus_.size(); ++number) {
    Cpu& cpu = cpus_[number];
    if (cpu.late.empty() || cpu.late.first() >= windows.end()) continue;
    Series sched = series_of(ids::kSched, number);
    Columns columns(windows.count, id::kIrq);
    for (std::uint32_t index = 0; index < windows.count; ++index) {
      const std::uint64_t window = windows.first + index;
      if (const auto row = cpu.late.take(window); row && !life_is_lost(cpu, window)) {
        append_row(columns, index, cpu, window, *row, tasks);
      } else {
        sched.absent.push_back(index);
      }
    }
    columns.append_to(sched.columns);
    leave_out(unmeasured_, sched);
    series.push_back(std::move(sched));
  }
}

std::optional<SchedRow> SchedAssembler::row_of(Cpu& cpu, std::uint64_t window) const {
  while (!cpu.records.empty() && cpu.records.front().number < window) {
    cpu.last = cpu.records.front();
    cpu.records.pop_front();
  }
  if (goes_on(cpu)) {
    if (cpu.open.number < window) return quiet_row(cpu.open.running != 0, cpu.open.runnable, config_.length);
    if (cpu.open.number == window) return open_row(cpu.open, cpu.from);
  }
  const kp_sched_window* next = !cpu.records.empty() ? &cpu.records.front() : &cpu.open;
  if (next->number == window) return closed_row(*next);
  if (next->number > window) {
    if (next->previous != 0 && next->previous < window)
      return quiet_row(next->carried != 0, next->runnable_carried, config_.length);
    return std::nullopt;
  }
  // What was open when the mapping was read has been closed since, by an event after all windows asked for.
  return quiet_row(cpu.last.running != 0, cpu.last.runnable, config_.length);
}

const SchedLife* SchedAssembler::life_of(const Cpu& cpu, std::uint64_t window) {
  const auto found = std::ranges::lower_bound(cpu.life, window, {}, &SchedLife::window);
  return found != cpu.life.end() && found->window == window ? &*found : nullptr;
}

bool SchedAssembler::life_is_lost(const Cpu& cpu, std::uint64_t window) {
  if (window >= cpu.life_lost_from && window < cpu.life_lost_end) return true;
  const SchedLife* life = life_of(cpu, window);
  return life != nullptr && life->lost;
}

void SchedAssembler::append_row(Columns& columns, std::size_t index, const Cpu& cpu, std::uint64_t window,
                                const SchedRow& row, TaskTable& tasks) {
  fill(columns, index, row, tasks);
  fill(columns, index, cpu.lost.of(window));
  if (const SchedLife* life = life_of(cpu, window)) fill(columns, index, *life);
}

void SchedAssembler::collect_cpu(std::size_t number, Cpu& cpu, const WindowRange& windows, TaskTable& tasks,
                                 std::vector<Series>& series) {
  Series sched = series_of(ids::kSched, number);
  Columns columns(windows.count, id::kIrq);
  for (std::uint32_t index = 0; index < windows.count; ++index) {
    const std::uint64_t window = windows.first + index;
    const std::optional<SchedRow> row = row_of(cpu, window);
    cpu.lost.take(window, config_.base_clock + (window + 1 - config_.base_window) * config_.length, config_.length);
    const bool is_lost = life_is_lost(cpu, window);
    if (row && !is_lost) {
      append_row(columns, index, cpu, window, *row, tasks);
      if (row->events != nullptr) cpu.late.on_known(window);
      continue;
    }
    sched.absent.push_back(index);
    is_lost ? cpu.late.on_lost() : cpu.late.on_absent(window);
  }
  if (cpu.open.number < windows.end()) cpu.published = Published::of(cpu.open, open_row(cpu.open, cpu.from));
  cpu.late.on_published(windows);
  while (!cpu.life.empty() && cpu.life.front().window < cpu.late.oldest()) cpu.life.pop_front();
  cpu.lost.forget_before(cpu.late.oldest());
  columns.append_to(sched.columns);
  leave_out(unmeasured_, sched);
  series.push_back(std::move(sched));
  append_histogram(ids::kSchedWait, number, difference(ids::histogram::kDistribution, cpu.wait, cpu.wait_now), series);
  append_histogram(ids::kSchedOnCpu, number, difference(ids::histogram::kDistribution, cpu.oncpu, cpu.oncpu_now),
                   series);
}

std::uint64_t SchedAssembler::windows_lost() const noexcept {
  return std::accumulate(cpus_.begin(), cpus_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Cpu& cpu) { return sum + cpu.late.lost(); });
}

std::uint64_t SchedAssembler::windows_late() const noexcept {
  return std::accumulate(cpus_.begin(), cpus_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Cpu& cpu) { return sum + cpu.late.late(); });
}

}  // namespace kpulse::probes
