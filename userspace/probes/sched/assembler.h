// Turns what the scheduler programs left behind into the rows of a frame. Pure: bytes in, series out, so a recording
// replays.
//
// Every known window of a CPU (delivered as a record, or still open and read through the mapping) names the window that
// the CPU closed before it. So for any window there are three cases: it is known; it lies between a known window and
// the one before, then nothing happened in it and the CPU went on with what it did; or a record is missing, then the
// window is absent. What becomes known after its window was published is said again (late.h).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "abi/sched.h"
#include "model/frame.h"
#include "probes/columns.h"
#include "probes/probe.h"
#include "probes/sched/late.h"
#include "probes/sched/lost.h"
#include "probes/sched/row.h"
#include "probes/task_table.h"

namespace kpulse::probes {

/// Counts of rare events in one window of one CPU.
struct SchedLife {
  std::uint64_t window = 0;
  std::uint32_t forks = 0;
  std::uint32_t execs = 0;
  std::uint32_t exits = 0;
  std::uint32_t migrations = 0;
  bool lost = false;  ///< the slot was taken by a later window before it was read
};

class SchedAssembler {
 public:
  explicit SchedAssembler(std::size_t cpus) : cpus_(cpus) {}

  /// Bounds are those now in force; quiet windows are this long. Another epoch forgets all windows: a stream begins.
  void set_windows(const kp_window_config& config);

  /// These fields of kpulse_sched have no value here.
  void set_unmeasured(std::vector<std::uint32_t> fields) { unmeasured_ = std::move(fields); }

  /// A record from the ring buffer. False when its CPU is out of range.
  bool on_record(const kp_sched_window& record);

  /// The mapping of a CPU as it was before the ring buffer was drained.
  void on_snapshot(std::size_t cpu, const kp_sched_cpu& snapshot);

  /// Its run queue as it was looked at before that.
  void on_look(std::size_t cpu, const kp_look& look) { cpus_[cpu].look = look; }

  /// The ring of slots of a CPU, not empty; takes over the windows before `end` that were not taken before.
  void on_slots(std::size_t cpu, std::span<const kp_sched_slot> slots, std::uint64_t end);

  /// Appends kpulse_sched, kpulse_sched_wait and kpulse_sched_oncpu of every CPU seen so far.
  void collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series);

  /// After a drain: windows, from the first to the last, of which something is known now that was not known when they
  /// were collected.
  [[nodiscard]] std::optional<WindowRange> late();

  /// Appends kpulse_sched of every CPU that has something to say again of these windows, each of which was collected.
  void collect_late(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series);

  /// Windows that were published as absent, and that has not changed within LateWindows::kPatienceNs.
  [[nodiscard]] std::uint64_t windows_lost() const noexcept;
  /// Windows of which something became known after they were published.
  [[nodiscard]] std::uint64_t windows_late() const noexcept;

 private:
  /// A window that ended while it was open, as it was published.
  struct Published {
    std::uint64_t number = 0, busy = 0, wait_ns = 0;
    std::uint32_t switches = 0, waits = 0, running = 0;

    static Published of(const kp_sched_window& window, const SchedRow& row);
    bool operator==(const Published&) const = default;
  };

  struct Cpu {
    std::deque<kp_sched_window> records;  // ascending by number, not collected yet
    std::deque<SchedLife> life;           // ascending by window, as long as they may be said again
    std::uint64_t life_taken = 0;         // windows before this one have been taken from the slots
    std::uint64_t life_lost_from = 0;     // windows that were not taken in time: this one ...
    std::uint64_t life_lost_end = 0;      // ... up to here
    std::uint64_t collected = 0;          // windows before this one have been published
    kp_sched_window open{};
    std::uint64_t from = 0;
    kp_lost lost_so_far{};  // at the last event
    kp_look look{};
    kp_sched_window last{};  // the newest record already passed
    Published published;     // the window that was open at the last collect
    LateWindows late;
    LostTime lost;
    kp_histogram wait{}, oncpu{};  // as of the last frame
    kp_histogram wait_now{}, oncpu_now{};
    bool begun = false;  // wait and oncpu have their base
  };

  [[nodiscard]] static bool goes_on(const Cpu& cpu);
  void mend_lost(Cpu& cpu) const;
  [[nodiscard]] std::optional<SchedRow> row_of(Cpu& cpu, std::uint64_t window) const;
  [[nodiscard]] static const SchedLife* life_of(const Cpu& cpu, std::uint64_t window);
  [[nodiscard]] static bool life_is_lost(const Cpu& cpu, std::uint64_t window);
  static void append_row(Columns& columns, std::size_t index, const Cpu& cpu, std::uint64_t window, const SchedRow& row,
                         TaskTable& tasks);
  void collect_cpu(std::size_t number, Cpu& cpu, const WindowRange& windows, TaskTable& tasks,
                   std::vector<Series>& series);

  std::vector<Cpu> cpus_;
  kp_window_config config_{};
  std::vector<std::uint32_t> unmeasured_;
};

}  // namespace kpulse::probes
