// One operation of one disk or partition: from what the kernel counted in windows to rows. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "abi/block.h"
#include "model/frame.h"
#include "probes/columns.h"
#include "probes/probe.h"
#include "probes/task_table.h"

namespace kpulse::probes {

class BlockSeries {
 public:
  BlockSeries(std::string device, std::uint32_t op) : device_(std::move(device)), op_(op) {}

  /// Windows are numbered anew, and all of them are forgotten; what is at the device stays there.
  void begin_stream();

  /// What was counted in a window.
  void on_slot(const kp_block_entry& slot);
  void on_slot(const kp_block_exit& slot);
  /// The same of a partition of the disk. What enters and leaves the device, the disk has counted itself.
  void on_part(kp_block_entry slot);
  void on_part(kp_block_exit slot);

  /// A candidate for its window's longest I/O, in any order.
  void on_worst(const kp_block_worst& worst);

  /// The kernel says that nothing is at the device, and nothing has happened for long: what a lost event has put out of
  /// order is right again.
  void on_idle() { depth_ = 0; }
  /// I/Os at the device after the last window collected.
  [[nodiscard]] std::int64_t depth() const noexcept { return depth_; }
  /// The last window with an event; 0 when there was none.
  [[nodiscard]] std::uint64_t last_window() const noexcept { return last_window_; }

  /// Windows [first, end) cannot be trusted.
  void lose(std::uint64_t first, std::uint64_t end);

  /// Times of I/Os that have ended since the last time.
  void on_times(const kp_block_times& times);

  /// Appends the series of these windows of `length` ns, the rows first; nothing before its first I/O. Returns how many
  /// windows are absent.
  std::uint64_t collect(const WindowRange& windows, std::uint64_t length, TaskTable& tasks,
                        std::vector<Series>& series);

  [[nodiscard]] const std::string& device() const noexcept { return device_; }
  [[nodiscard]] std::uint32_t op() const noexcept { return op_; }

 private:
  struct Range {
    std::uint64_t first, end;
  };
  struct Window {
    kp_block_entry entry{};
    kp_block_exit exit{};
  };

  Window& window(std::uint64_t number);

  [[nodiscard]] Series empty(std::uint32_t measurement) const;
  void fill(Columns& columns, std::size_t row, const Window& counted, TaskTable& tasks) const;
  void fill_worst(Columns& columns, std::size_t row, const kp_block_exit& slot, TaskTable& tasks) const;
  void append_histograms(std::vector<Series>& series);
  /// Mean depth over a window, and what is left of it afterwards.
  double pass(const Window& counted, std::uint64_t length);

  std::string device_;
  std::uint32_t op_;
  std::uint64_t last_window_ = 0;
  std::map<std::uint64_t, Window> windows_;
  std::map<std::uint64_t, kp_block_worst> worst_;  // by window
  std::vector<Range> lost_;
  std::int64_t depth_ = 0;  // at the end of the last window collected
  kp_block_times times_{};  // of the interval
};

/// The tag value of an operation.
[[nodiscard]] std::string_view block_op_name(std::uint32_t op) noexcept;

}  // namespace kpulse::probes
