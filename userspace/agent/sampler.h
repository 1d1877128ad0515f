// From probes to frames: attaches the probes, keeps their windows aligned and makes a frame of every publish interval.
// Knows nothing of networks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/schedule.h"
#include "agent/window_clock.h"
#include "base/pacer.h"
#include "base/result.h"
#include "bpf/cpus.h"
#include "cgroups/table.h"
#include "model/frame.h"
#include "probes/probe.h"

namespace kpulse::agent {

struct SamplerOptions {
  std::string host;
  std::uint64_t window_ns = 10'000'000;
  std::uint64_t publish_ns = 100'000'000;       ///< a whole number of windows
  std::uint64_t grace_ns = Schedule::kGraceNs;  ///< how long after its end a window may still be filled in
  probes::ProbeSettings probes;
  std::string record;                        ///< see Probe::record_to; empty: none
  std::uint32_t cpus = bpf::present_cpus();  ///< those with lower numbers are measured
};

/// One thread.
class Sampler {
 public:
  /// Attaches the probes and aligns their windows; takes some 15 ms and the CPU's attention for loading. A probe that
  /// can do nothing here is logged and left out; when none is left that is an Error.
  [[nodiscard]] static Result<std::unique_ptr<Sampler>> start(SamplerOptions options,
                                                              std::vector<std::unique_ptr<probes::Probe>> probes);

  /// Begins a stream: frames are numbered from 1 again and start with the next whole window.
  void begin_stream();

  /// Takes over what the kernel has; call at next_drain() or earlier. `wall` is now.
  void drain(std::uint64_t wall);

  /// Wall clock time of the next drain().
  [[nodiscard]] std::uint64_t next_drain(std::uint64_t wall) { return schedule_.next_drain(wall); }

  /// The next frame whose windows have all ended at `wall`, the time of the last drain(), or one that says again what
  /// was not known when its windows were published; nothing when there is none yet.
  [[nodiscard]] std::optional<Frame> next_frame(std::uint64_t wall);

  /// The windows of the unfinished frame that have ended: the last frame of all.
  [[nodiscard]] std::optional<Frame> rest(std::uint64_t wall) { return frame_of(schedule_.rest(wall)); }

  /// A frame that cannot wait, after a drain(): with the events that happened and the windows that are over, if any.
  [[nodiscard]] std::optional<Frame> urgent_frame(std::uint64_t wall);

  /// Takes a frame back that was sent: the next one needs as much memory.
  void take_back(Frame frame) {
    for (auto& probe : probes_) probe->take_back(frame.series);
    frame.series.clear();
    spare_ = std::move(frame.series);
  }

  /// Keeps windows aligned to the wall clock. When it was stepped, a new stream has begun: by how many ns, less than 0
  /// when back.
  [[nodiscard]] std::optional<std::int64_t> follow_clock();

  [[nodiscard]] const std::vector<ProgramStatus>& programs() const noexcept { return programs_; }
  [[nodiscard]] std::vector<int> ring_fds() const;
  [[nodiscard]] probes::Intake intake() const;
  [[nodiscard]] std::uint64_t clock_steps() const noexcept { return clock_.steps(); }
  [[nodiscard]] std::uint64_t stream() const noexcept { return stream_; }
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }

 private:
  explicit Sampler(SamplerOptions options);

  [[nodiscard]] Result<> attach(std::vector<std::unique_ptr<probes::Probe>> probes);
  void take_status(const std::vector<ProgramStatus>& programs);
  void align();
  bool begin_windows();
  [[nodiscard]] std::optional<Frame> late_frame();
  [[nodiscard]] Frame empty_frame(const probes::WindowRange& windows);
  [[nodiscard]] std::optional<Frame> frame_of(const std::optional<probes::WindowRange>& windows);
  void take_clock_readings();
  void follow_cpus();
  void set_windows(const kp_window_config& config);

  SamplerOptions options_;
  std::unique_ptr<cgroups::Table> cgroups_;
  std::vector<std::unique_ptr<probes::Probe>> probes_;
  std::vector<ProgramStatus> programs_;
  WindowClock clock_;
  Schedule schedule_;
  Pacer cpus_pacer_{1'000'000'000};
  std::uint32_t told_cpus_;  // all CPUs below this one are measured or were said not to be
  std::uint64_t stream_ = 0;
  std::uint64_t sequence_ = 0;
  std::vector<Series> spare_;  // empty, for the next frame
};

}  // namespace kpulse::agent
