#include "probes/memory/assembler.h"

#include <algorithm>
#include <string>
#include <utility>

#include "model/ids.h"
#include "probes/columns.h"

namespace kpulse::probes {
namespace {

namespace id = ids::memory;

constexpr std::array<const char*, KP_STALL_KINDS> kKindNames{"direct_reclaim", "memcg_reclaim", "compaction",
                                                             "throttle"};

void fill(Columns& columns, std::size_t index, const kp_memory_slot& counts, std::uint64_t page_bytes) {
  columns.set(id::kMajorFaults, index, counts.major_faults);
  columns.set(id::kDirectCount, index, counts.count[KP_STALL_DIRECT]);
  columns.set(id::kDirectBytes, index, counts.direct_pages * page_bytes);
  columns.set(id::kMemcgCount, index, counts.count[KP_STALL_MEMCG]);
  columns.set(id::kMemcgBytes, index, counts.memcg_pages * page_bytes);
  columns.set(id::kCompactionCount, index, counts.count[KP_STALL_COMPACTION]);
  columns.set(id::kThrottleCount, index, counts.count[KP_STALL_THROTTLE]);
  columns.set(id::kKswapdWakes, index, counts.kswapd_wakes);
  columns.set(id::kFallbacks, index, counts.fallbacks);
  columns.set(id::kStallMax, index, counts.worst_ns);
}

constexpr std::array<std::uint32_t, KP_ACTIVITIES> kTimeFields{id::kDirect, id::kMemcg, id::kCompaction, id::kThrottle,
                                                               id::kKswapd};

}  // namespace

void MemoryAssembler::set_windows(const kp_window_config& config) {
  if (config.epoch != config_.epoch) {
    rows_.clear();
    stalls_.clear();
    collected_ = 0;
  }
  config_ = config;
}

MemoryAssembler::Row* MemoryAssembler::row_of(std::uint64_t window) {
  if (window >= collected_) return &rows_[window];
  ++windows_late_;
  return nullptr;
}

void MemoryAssembler::on_faults(std::uint64_t window, const kp_fault_slot& slot) {
  Row* row = row_of(window);
  if (row == nullptr) return;
  row->user += slot.user;
  row->kernel += slot.kernel;
}

void MemoryAssembler::on_slot(std::uint64_t window, const kp_memory_slot& slot) {
  if (Row* row = row_of(window)) row->counts = slot;
}

bool MemoryAssembler::on_stall(const kp_stall_record& record) {
  const std::uint64_t clock = record.end - config_.mono_offset;
  if (record.kind >= KP_ACTIVITIES || record.begin > record.end) return false;
  if (config_.length == 0 || clock < config_.base_clock) return true;  // belongs to a stream that has ended
  const std::uint64_t window = config_.base_window + (clock - config_.base_clock) / config_.length;
  // Throttling has no begin that could be seen while it lasts: the kernel has given all of it to the window of its end.
  if (record.kind != KP_STALL_THROTTLE) stalls_.ended(record, span_of(window).begin);
  if (record.kind >= KP_STALL_KINDS || window < collected_) return true;
  kp_stall_record& worst = rows_[window].worst;
  if (record.end - record.begin > worst.end - worst.begin) worst = record;
  return true;
}

void MemoryAssembler::on_oom(const kp_oom_record& record) {
  kills_.push_back(record);
}

void MemoryAssembler::on_total(const kp_memory_total& total) {
  std::ranges::copy(total.stall, now_.begin());
  if (!std::exchange(begun_, true)) before_ = now_;
}

Span MemoryAssembler::span_of(std::uint64_t window) const {
  const std::uint64_t begin =
      config_.base_clock + (window - config_.base_window) * config_.length + config_.mono_offset;
  return {.begin = begin, .end = begin + config_.length};
}

std::uint64_t MemoryAssembler::wall_of(std::uint64_t mono) const {
  return config_.base_window * config_.length + (mono - config_.mono_offset - config_.base_clock);
}

void MemoryAssembler::collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) {
  if (windows.count > 0) {
    collect_rows(windows, tasks, series);
    collect_histograms(series);
  }
  collect_kills(tasks, series);
}

void MemoryAssembler::collect_rows(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) {
  Columns columns(windows.count, id::kStallTask);
  for (std::uint32_t index = 0; index < windows.count; ++index) {
    const std::uint64_t window = windows.first + index;
    std::array<std::uint64_t, KP_ACTIVITIES> time = stalls_.time_in(span_of(window));
    if (const auto found = rows_.find(window); found != rows_.end()) {
      const Row& row = found->second;
      columns.set(id::kUserFaults, index, row.user);
      columns.set(id::kKernelFaults, index, row.kernel);
      fill(columns, index, row.counts, page_bytes_);
      for (std::size_t kind = 0; kind < time.size(); ++kind) time[kind] += row.counts.ns[kind];
      // The record of the longest may be lost: then another one must not be named in its place.
      if (row.counts.worst_ns != 0 && row.worst.end - row.worst.begin == row.counts.worst_ns) {
        columns.set(id::kStallKind, index, row.worst.kind + 1);
        columns.set(id::kStallTask, index, tasks.add(row.worst.task));
      }
    }
    for (std::size_t kind = 0; kind < time.size(); ++kind) columns.set(kTimeFields[kind], index, time[kind]);
  }
  series.push_back({.measurement = ids::kMemory, .tags = {}, .absent = {}, .columns = {}, .times = {}});
  columns.append_to(series.back().columns);
  leave_out(unmeasured_, series.back());
  collected_ = windows.end();
  rows_.erase(rows_.begin(), rows_.lower_bound(collected_));
  stalls_.forget_before(span_of(collected_).begin);
}

void MemoryAssembler::collect_histograms(std::vector<Series>& series) {
  for (std::size_t kind = 0; kind < KP_STALL_KINDS; ++kind) {
    Column column = difference(ids::histogram::kDistribution, before_[kind], now_[kind]);
    if (column.buckets.empty()) continue;
    series.push_back(
        {.measurement = ids::kMemoryStall, .tags = {kKindNames[kind]}, .absent = {}, .columns = {}, .times = {}});
    series.back().columns.push_back(std::move(column));
  }
}

void MemoryAssembler::collect_kills(TaskTable& tasks, std::vector<Series>& series) {
  if (kills_.empty()) return;
  Columns columns(kills_.size(), ids::oom::kShmem);
  Series kills{.measurement = ids::kOom, .tags = {}, .absent = {}, .columns = {}, .times = {}};
  for (std::size_t index = 0; index < kills_.size(); ++index) {
    const kp_oom_record& kill = kills_[index];
    kills.times.push_back(wall_of(kill.time));
    columns.set(ids::oom::kVictim, index, tasks.add(kill.victim));
    columns.set(ids::oom::kInvoker, index, tasks.add(kill.invoker));
    columns.set(ids::oom::kTotal, index, kill.total_pages * page_bytes_);
    columns.set(ids::oom::kAnon, index, kill.anon_pages * page_bytes_);
    columns.set(ids::oom::kFile, index, kill.file_pages * page_bytes_);
    columns.set(ids::oom::kShmem, index, kill.shmem_pages * page_bytes_);
  }
  columns.append_to(kills.columns);
  series.push_back(std::move(kills));
  kills_.clear();
}

}  // namespace kpulse::probes
