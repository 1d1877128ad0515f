// What every probe is to the agent and to `kpulse doctor`. A probe is a folder here and a folder in bpf/; it is found
// by its folder, so nothing else has to be told of a new one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abi/window.h"
#include "base/result.h"
#include "bpf/cpus.h"
#include "model/frame.h"
#include "probes/task_table.h"

namespace kpulse::bpf {
class KernelTypes;
}
namespace kpulse::cgroups {
class Table;
}

namespace kpulse::probes {

/// The windows a frame covers.
struct WindowRange {
  std::uint64_t first = 0;
  std::uint32_t count = 0;

  [[nodiscard]] std::uint64_t end() const noexcept { return first + count; }
};

/// What a probe took in and had to let go, since it was attached.
struct Intake {
  std::uint64_t ring_dropped = 0;         ///< records that did not fit into the ring buffer
  std::uint64_t windows_lost = 0;         ///< windows published as absent
  std::uint64_t windows_late = 0;         ///< windows of which something became known after they were published
  std::uint64_t records = 0;              ///< records taken from the ring buffer
  std::uint64_t records_invalid = 0;      ///< of these, of unknown type or size
  std::uint64_t events_dropped = 0;       ///< events that are missing in what is counted by window
  std::uint64_t switches_missed = 0;      ///< context switches that the kernel did not show
  std::uint64_t switches_unmeasured = 0;  ///< context switches on CPUs past Machine::cpus
  std::uint64_t sleeps_unmarked = 0;      ///< tasks moved asleep whose next wait may include sleep, unnoticed
  std::uint64_t clock_backwards = 0;      ///< events whose clock was before the one before; they count as no time
  std::uint64_t cgroups_refused = 0;      ///< of the machine: events counted for no cgroup because all slots were taken

  Intake& operator+=(const Intake& other) noexcept {
    ring_dropped += other.ring_dropped;
    windows_lost += other.windows_lost;
    windows_late += other.windows_late;
    records += other.records;
    records_invalid += other.records_invalid;
    events_dropped += other.events_dropped;
    switches_missed += other.switches_missed;
    switches_unmeasured += other.switches_unmeasured;
    sleeps_unmarked += other.sleeps_unmarked;
    clock_backwards += other.clock_backwards;
    return *this;
  }
};

/// Most windows between two drains: the kernel side keeps more than twice as many.
inline constexpr std::uint32_t kMaxUndrained = 100;

/// How far a clock of the kernel is from CLOCK_MONOTONIC, seen at one event.
struct ClockReading {
  std::uint64_t clock_ns = 0;
  std::uint64_t mono_ns = 0;
};

/// What the user may choose of the probes.
struct ProbeSettings {
  std::int64_t top_processes = 10;  ///< rows by resource; 0: no process is read
  std::string block = "full";  ///< or "lite": one program, at the end of a request
};

/// What a probe finds when it is attached. Ends with the call, but for what says otherwise.
struct Machine {
  const bpf::KernelTypes& types;
  cgroups::Table& cgroups;  ///< outlives the probe
  ProbeSettings settings;
  std::uint32_t cpus = bpf::present_cpus();  ///< those with lower numbers are measured
  std::uint64_t window_ns = 10'000'000;      ///< length of the windows to come: how much a buffer has to hold
};

/// One thread owns a probe; no member is safe from another.
class Probe {
 public:
  Probe() = default;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  virtual ~Probe() = default;

  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// Writes all that the probe takes in to this file as well, for replay. Call before attach(). Only the scheduler
  /// probe can be recorded so far.
  [[nodiscard]] virtual Result<> record_to(const std::string& /*path*/) { return {}; }

  /// Loads and attaches. Programs that cannot be attached are reported by programs() and cost only their own metrics;
  /// an Error means that the probe as a whole can do nothing here.
  [[nodiscard]] virtual Result<> attach(const Machine& machine) = 0;

  /// Each program: attached, or why not. Valid after attach(), also when that failed.
  [[nodiscard]] virtual std::vector<ProgramStatus> programs() const = 0;

  /// These CPUs run now, ascending; called once a second. For what has to be set up on each CPU by itself.
  virtual void follow_cpus(std::span<const std::uint32_t> /*online*/) {}

  /// Says where windows begin and end from now on.
  virtual void set_windows(const kp_window_config& config) = 0;

  /// Takes over what the kernel cannot keep for long: the ring buffer's records and what is counted by window. Every
  /// window before `end` has ended, a grace period ago. Called at least every kMaxUndrained windows.
  virtual void drain(std::uint64_t end) = 0;

  /// Pairs of run-queue clock and CLOCK_MONOTONIC seen since the last call; they calibrate the windows. For probes that
  /// see the run queue's clock.
  [[nodiscard]] virtual std::vector<ClockReading> take_clock_readings() { return {}; }

  /// True when drain() brought an event that must not wait for the end of the publish interval: collect() is then
  /// called at once, with the windows that are over or with none.
  [[nodiscard]] virtual bool urgent() const { return false; }

  /// Appends what it knows of these windows, drained before, to the frame. Each window is asked for once, in order.
  /// Events are appended whenever this is called. Without windows there must be no row of an interval either.
  virtual void collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) = 0;

  /// After a drain(): windows, from the first to the last, of which something is known now that was not known, or was
  /// not so, when they were collected. Nothing when there are none.
  [[nodiscard]] virtual std::optional<WindowRange> late() { return std::nullopt; }

  /// Appends what has to be said again of these windows: rows that are not absent take the place of what was collected.
  virtual void collect_late(const WindowRange& /*windows*/, TaskTable& /*tasks*/, std::vector<Series>& /*series*/) {}

  /// A frame was sent: rows of its own may be moved out of it, to be filled anew for the next one.
  virtual void take_back(std::vector<Series>& /*series*/) {}

  /// Descriptor that becomes readable when the ring buffer wants to be drained before the next tick; -1: there is none.
  [[nodiscard]] virtual int ring_fd() const noexcept = 0;

  [[nodiscard]] virtual Intake intake() const = 0;
};

/// Every probe of this build, none attached yet.
[[nodiscard]] std::vector<std::unique_ptr<Probe>> make_probes();

}  // namespace kpulse::probes
