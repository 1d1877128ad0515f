#include "probes/block/block_series.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "model/ids.h"
#include "probes/block/times.h"

namespace kpulse::probes {
namespace {

namespace id = ids::block;

constexpr std::array<std::string_view, KP_BLOCK_OPS> kOpNames{"read", "write", "discard", "flush", "other"};

std::uint64_t total(const kp_block_worst& worst) {
  return worst.queue_ns + worst.device_ns;
}

/// How many more went to the device than left it.
std::int64_t net(const kp_block_entry& entry, const kp_block_exit& exit) {
  return std::int64_t{entry.entered} - entry.requeues - exit.ios;
}

Column distribution(std::uint64_t sum, std::span<const __u32> counts) {
  Column column{.field = ids::histogram::kDistribution, .values = {}, .reals = {}, .buckets = {}, .sum = sum};
  for (std::uint32_t bucket = 0; bucket < counts.size(); ++bucket) {
    if (counts[bucket] > 0) column.buckets.push_back({.index = KP_BLOCK_FIRST + bucket, .count = counts[bucket]});
  }
  return column;
}

}  // namespace

std::string_view block_op_name(std::uint32_t op) noexcept {
  return op < kOpNames.size() ? kOpNames[op] : kOpNames.back();
}

BlockSeries::Window& BlockSeries::window(std::uint64_t number) {
  last_window_ = std::max(last_window_, number);
  Window& known = windows_[number];
  known.exit.window = number;
  return known;
}

void BlockSeries::begin_stream() {
  for (const auto& [number, counted] : windows_) pass(counted, 1);
  windows_.clear();
  worst_.clear();
  lost_.clear();
  times_ = {};
  last_window_ = 0;
}

void BlockSeries::on_slot(const kp_block_entry& slot) {
  kp_block_entry& known = window(slot.window).entry;
  known.depth_ns += slot.depth_ns;
  known.entered += slot.entered;
  known.net_max = std::max(known.net_max, slot.net_max);
  known.merges += slot.merges;
  known.requeues += slot.requeues;
}

void BlockSeries::on_slot(const kp_block_exit& slot) {
  kp_block_exit& known = window(slot.window).exit;
  known.bytes += slot.bytes;
  known.queue_ns += slot.queue_ns;
  known.device_ns += slot.device_ns;
  known.depth_ns += slot.depth_ns;
  known.ios += slot.ios;
  known.worst = std::max(known.worst, slot.worst);
  known.errors_io += slot.errors_io;
  known.errors_timeout += slot.errors_timeout;
  known.errors_nospc += slot.errors_nospc;
  known.errors_other += slot.errors_other;
}

void BlockSeries::on_part(kp_block_entry slot) {
  slot.depth_ns = 0;
  slot.entered = slot.net_max = slot.requeues = 0;
  on_slot(slot);
}

void BlockSeries::on_part(kp_block_exit slot) {
  slot.depth_ns = 0;
  slot.ios = 0;
  on_slot(slot);
}

void BlockSeries::on_times(const kp_block_times& times) {
  add(times_, times);
}

void BlockSeries::on_worst(const kp_block_worst& worst) {
  const auto [at, added] = worst_.try_emplace(worst.window, worst);
  if (!added && total(worst) > total(at->second)) at->second = worst;
}

void BlockSeries::lose(std::uint64_t first, std::uint64_t end) {
  lost_.push_back({.first = first, .end = end});
}

Series BlockSeries::empty(std::uint32_t measurement) const {
  return {.measurement = measurement,
          .tags = {device_, std::string(block_op_name(op_))},
          .absent = {},
          .columns = {},
          .times = {}};
}

void BlockSeries::fill_worst(Columns& columns, std::size_t row, const kp_block_exit& slot, TaskTable& tasks) const {
  if (slot.worst == 0) return;
  const auto found = worst_.find(slot.window);
  if (found == worst_.end()) {  // the record was lost; the slot knows the time to 16 ns
    columns.set(id::kWorst, row, std::uint64_t{slot.worst - 1} << KP_BLOCK_WORST_SHIFT);
    return;
  }
  const kp_block_worst& worst = found->second;
  columns.set(id::kWorst, row, total(worst));
  columns.set(id::kWorstQueue, row, worst.queue_ns);
  columns.set(id::kWorstBytes, row, worst.bytes);
  columns.set(id::kWorstSector, row, worst.sector);
  if (worst.submitter.tgid != 0 || worst.submitter.cgroup != 0)
    columns.set(id::kSubmitter, row, tasks.add(worst.submitter));
}

void BlockSeries::fill(Columns& columns, std::size_t row, const Window& counted, TaskTable& tasks) const {
  const auto& [entry, exit] = counted;
  columns.set(id::kIos, row, exit.ios);
  columns.set(id::kBytes, row, exit.bytes);
  columns.set(id::kQueue, row, exit.queue_ns);
  columns.set(id::kDevice, row, exit.device_ns);
  columns.set(id::kRequeues, row, entry.requeues);
  columns.set(id::kMerges, row, entry.merges);
  fill_worst(columns, row, exit, tasks);
  columns.set(id::kErrorsIo, row, exit.errors_io);
  columns.set(id::kErrorsTimeout, row, exit.errors_timeout);
  columns.set(id::kErrorsNospc, row, exit.errors_nospc);
  columns.set(id::kErrorsOther, row, exit.errors_other);
}

double BlockSeries::pass(const Window& counted, std::uint64_t length) {
  const auto& [entry, exit] = counted;
  const auto changed = static_cast<std::int64_t>(entry.depth_ns - exit.depth_ns);
  const std::int64_t integral = depth_ * static_cast<std::int64_t>(length) + changed;
  depth_ = std::max<std::int64_t>(depth_ + net(entry, exit), 0);
  return static_cast<double>(std::max<std::int64_t>(integral, 0)) / static_cast<double>(length);
}

std::uint64_t BlockSeries::collect(const WindowRange& windows, std::uint64_t length, TaskTable& tasks,
                                   std::vector<Series>& series) {
  if (last_window_ == 0 && depth_ == 0) return 0;
  Series rows = empty(ids::kBlock);
  Columns columns(windows.count, id::kMerges);
  std::vector<double> depths(windows.count);
  for (std::uint32_t row = 0; row < windows.count; ++row) {
    const std::uint64_t window = windows.first + row;
    while (!windows_.empty() && windows_.begin()->first < window) {
      pass(windows_.begin()->second, length);  // before the stream: it still leaves its depth
      windows_.erase(windows_.begin());
    }
    const auto node = windows_.extract(window);
    const Window counted = node ? node.mapped() : Window{};
    if (std::ranges::any_of(lost_, [&](const Range& range) { return window >= range.first && window < range.end; })) {
      rows.absent.push_back(row);
      continue;
    }
    columns.set(id::kDepthMax, row, static_cast<std::uint64_t>(depth_) + counted.entry.net_max);
    depths[row] = pass(counted, length);
    fill(columns, row, counted, tasks);
  }
  columns.append_to(rows.columns);
  if (std::ranges::any_of(depths, [](double depth) { return depth != 0; })) {
    const auto at = std::ranges::lower_bound(rows.columns, id::kDepth, {}, &Column::field);
    rows.columns.insert(at, {.field = id::kDepth, .values = {}, .reals = std::move(depths), .buckets = {}, .sum = 0});
  }
  worst_.erase(worst_.begin(), worst_.lower_bound(windows.end()));
  std::erase_if(lost_, [&](const Range& range) { return range.end <= windows.end(); });
  const std::uint64_t absent = rows.absent.size();
  series.push_back(std::move(rows));
  append_histograms(series);
  return absent;
}

void BlockSeries::append_histograms(std::vector<Series>& series) {
  const auto append = [&](std::uint32_t measurement, std::uint64_t sum, std::span<const __u32> counts) {
    Column column = distribution(sum, counts);
    if (column.buckets.empty()) return;
    series.push_back(empty(measurement));
    series.back().columns.push_back(std::move(column));
  };
  append(ids::kBlockQueue, times_.queue_sum, times_.queue);
  append(ids::kBlockDevice, times_.device_sum, times_.device);
  append(ids::kBlockTotal, times_.queue_sum + times_.device_sum, times_.total);
  times_ = {};
}

}  // namespace kpulse::probes
