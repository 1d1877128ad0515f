// Turns what the block programs left behind into the series of a frame. Pure: structs in, series out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "abi/block.h"
#include "model/frame.h"
#include "probes/block/block_series.h"
#include "probes/probe.h"
#include "probes/task_table.h"

namespace kpulse::probes {

class BlockAssembler {
 public:
  /// Another epoch forgets all windows: a stream begins.
  void set_windows(const kp_window_config& config);

  /// A series has had its first I/O, or its device is called differently from now on. Below KP_BLOCK_SERIES. `disk` is
  /// the one that a partition is on: what is counted for the partition is the disk's, too. Empty for a disk.
  void begin(std::uint32_t series, std::uint32_t op, std::string device, std::string disk);
  /// Its device is gone.
  void end(std::uint32_t series);
  /// A series that has begun and not ended; nullptr otherwise.
  [[nodiscard]] BlockSeries* find(std::uint32_t series);
  [[nodiscard]] const BlockSeries* find(std::uint32_t series) const;

  /// What a series that has begun counted in a window, and how long its I/Os took since the last call.
  void on_slot(std::uint32_t series, const kp_block_entry& slot);
  void on_slot(std::uint32_t series, const kp_block_exit& slot);
  void on_times(std::uint32_t series, const kp_block_times& times);

  /// A record of the ring buffer. False when there can be no such series.
  bool on_worst(const kp_block_worst& worst);
  /// The kernel's and libbpf's counters of what could not be measured; `missed` are the program's recursion misses.
  void on_losses(const kp_block_losses& losses, std::uint64_t missed);
  /// The windows [first, end) were not taken in time.
  void lose(std::uint64_t first, std::uint64_t end);

  /// Fields of kpulse_block that have no value here, ascending.
  void set_unmeasured(std::vector<std::uint32_t> fields) { unmeasured_ = std::move(fields); }

  void collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series);

  [[nodiscard]] std::uint64_t windows_lost() const noexcept { return windows_lost_; }

 private:
  void append_losses(std::vector<Series>& series);
  /// The series of the disk that a partition's series is part of; nullptr if it is of a disk.
  [[nodiscard]] BlockSeries* whole_of(std::uint32_t series);

  std::array<std::optional<BlockSeries>, KP_BLOCK_SERIES> series_;
  std::array<std::string, KP_BLOCK_SERIES> disks_;  // of partitions
  kp_window_config config_{};
  std::array<std::uint64_t, 8> losses_{}, losses_sent_{};  // by field - 1
  std::vector<std::uint32_t> unmeasured_;
  std::uint64_t windows_lost_ = 0;
};

}  // namespace kpulse::probes
