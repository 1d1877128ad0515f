#include "probes/block/assembler.h"

#include <algorithm>
#include <utility>

#include "model/ids.h"
#include "probes/columns.h"

namespace kpulse::probes {

void BlockAssembler::set_windows(const kp_window_config& config) {
  if (config.epoch != config_.epoch) {
    for (auto& series : series_) {
      if (series) series->begin_stream();
    }
  }
  config_ = config;
}

void BlockAssembler::begin(std::uint32_t series, std::uint32_t op, std::string device, std::string disk) {
  series_.at(series).emplace(std::move(device), op);
  disks_.at(series) = std::move(disk);
}

void BlockAssembler::end(std::uint32_t series) {
  series_.at(series).reset();
}

BlockSeries* BlockAssembler::find(std::uint32_t series) {
  auto& known = series_.at(series);
  return known ? &*known : nullptr;
}

const BlockSeries* BlockAssembler::find(std::uint32_t series) const {
  const auto& known = series_.at(series);
  return known ? &*known : nullptr;
}

BlockSeries* BlockAssembler::whole_of(std::uint32_t series) {
  const BlockSeries* part = find(series);
  if (part == nullptr || disks_[series].empty()) return nullptr;
  const auto found = std::ranges::find_if(series_, [&](const auto& other) {
    return other && other->op() == part->op() && other->device() == disks_[series];
  });
  return found == series_.end() ? nullptr : &**found;
}

void BlockAssembler::on_slot(std::uint32_t series, const kp_block_entry& slot) {
  if (BlockSeries* known = find(series)) known->on_slot(slot);
  if (BlockSeries* whole = whole_of(series)) whole->on_part(slot);
}

void BlockAssembler::on_slot(std::uint32_t series, const kp_block_exit& slot) {
  if (BlockSeries* known = find(series)) known->on_slot(slot);
  if (BlockSeries* whole = whole_of(series)) whole->on_part(slot);
}

void BlockAssembler::on_times(std::uint32_t series, const kp_block_times& times) {
  if (BlockSeries* known = find(series)) known->on_times(times);
  if (BlockSeries* whole = whole_of(series)) whole->on_times(times);
}

bool BlockAssembler::on_worst(const kp_block_worst& worst) {
  if (worst.series >= series_.size()) return false;
  if (worst.epoch != config_.epoch) return true;
  if (BlockSeries* known = find(worst.series)) known->on_worst(worst);
  if (BlockSeries* whole = whole_of(worst.series)) whole->on_worst(worst);
  return true;
}

void BlockAssembler::on_losses(const kp_block_losses& losses, std::uint64_t missed) {
  namespace id = ids::block_losses;
  losses_[id::kOverruns - 1] = losses.overruns;
  losses_[id::kShared - 1] = losses.shared;
  losses_[id::kUnseen - 1] = losses.unseen;
  losses_[id::kUntimed - 1] = losses.untimed;
  losses_[id::kUnended - 1] = losses.unended;
  losses_[id::kUncounted - 1] = losses.uncounted;
  losses_[id::kBackwards - 1] = losses.backwards;
  losses_[id::kMissed - 1] = missed;
}

void BlockAssembler::lose(std::uint64_t first, std::uint64_t end) {
  for (auto& series : series_) {
    if (series) series->lose(first, end);
  }
}

void BlockAssembler::collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) {
  if (windows.count == 0) return;
  for (auto& known : series_) {
    if (!known) continue;
    const std::size_t rows = series.size();
    windows_lost_ += known->collect(windows, config_.length, tasks, series);
    if (series.size() > rows) leave_out(unmeasured_, series[rows]);
  }
  append_losses(series);
}

void BlockAssembler::append_losses(std::vector<Series>& series) {
  if (losses_ == losses_sent_) return;
  losses_sent_ = losses_;
  Series row{.measurement = ids::kBlockLosses, .tags = {}, .absent = {}, .columns = {}, .times = {}};
  for (std::uint32_t field = 1; const std::uint64_t value : losses_) {
    add_value(row, field++, value);
  }
  series.push_back(std::move(row));
}

}  // namespace kpulse::probes
