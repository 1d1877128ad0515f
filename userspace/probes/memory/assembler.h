// Turns what the memory programs left behind into rows and events. Pure: structures in, series out.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "abi/memory.h"
#include "model/frame.h"
#include "probes/memory/stalls.h"
#include "probes/probe.h"
#include "probes/task_table.h"

namespace kpulse::probes {

class MemoryAssembler {
 public:
  explicit MemoryAssembler(std::uint64_t page_bytes) : page_bytes_(page_bytes) {}

  /// Bounds are those now in force. Another epoch forgets all windows, but no OOM kill.
  void set_windows(const kp_window_config& config);

  /// These fields of kpulse_memory have no value here.
  void set_unmeasured(std::vector<std::uint32_t> fields) { unmeasured_ = std::move(fields); }

  /// Faults of one CPU in one window.
  void on_faults(std::uint64_t window, const kp_fault_slot& slot);
  /// The rest of one window.
  void on_slot(std::uint64_t window, const kp_memory_slot& slot);
  /// Who is stalled now; call before the records of the same drain.
  void on_open(std::span<const kp_open_stall> open) { stalls_.set_open(open); }
  /// False when the record makes no sense.
  bool on_stall(const kp_stall_record& record);
  void on_oom(const kp_oom_record& record);
  /// The cumulative histograms; the first call is where they begin.
  void on_total(const kp_memory_total& total);

  /// There is an OOM kill that was not collected yet.
  [[nodiscard]] bool urgent() const noexcept { return !kills_.empty(); }

  /// Appends kpulse_memory and kpulse_memory_stall when there are windows, kpulse_oom when there are kills.
  void collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series);

  [[nodiscard]] std::uint64_t windows_late() const noexcept { return windows_late_; }

 private:
  struct Row {
    std::uint64_t user = 0;
    std::uint64_t kernel = 0;
    kp_memory_slot counts{};
    kp_stall_record worst{};
  };

  [[nodiscard]] Row* row_of(std::uint64_t window);
  [[nodiscard]] Span span_of(std::uint64_t window) const;
  [[nodiscard]] std::uint64_t wall_of(std::uint64_t mono) const;
  void collect_rows(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series);
  void collect_histograms(std::vector<Series>& series);
  void collect_kills(TaskTable& tasks, std::vector<Series>& series);

  std::uint64_t page_bytes_;
  std::vector<std::uint32_t> unmeasured_;
  kp_window_config config_{};
  std::map<std::uint64_t, Row> rows_;  // by window, not collected yet
  std::uint64_t collected_ = 0;        // windows before this one have been published
  SpanningStalls stalls_;
  std::vector<kp_oom_record> kills_;
  std::array<kp_histogram, KP_STALL_KINDS> before_{};
  std::array<kp_histogram, KP_STALL_KINDS> now_{};
  bool begun_ = false;
  std::uint64_t windows_late_ = 0;
};

}  // namespace kpulse::probes
