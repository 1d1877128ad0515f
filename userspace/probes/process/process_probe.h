// Reads the counters of every thread now and then and says which processes used most.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "abi/process.h"
#include "base/handle.h"
#include "base/pacer.h"
#include "bpf/programs.h"
#include "probes/probe.h"
#include "probes/process/ranking.h"

struct process_bpf;
void destroy_process_bpf(process_bpf* skeleton) noexcept;

namespace kpulse::probes {

class ProcessProbe final : public Probe {
 public:
  ProcessProbe() : programs_("process") {}

  [[nodiscard]] std::string_view name() const noexcept override { return "process"; }
  [[nodiscard]] Result<> attach(const Machine& machine) override;
  [[nodiscard]] std::vector<ProgramStatus> programs() const override { return programs_.status(); }
  void set_windows(const kp_window_config& /*config*/) override {}
  void drain(std::uint64_t /*end*/) override {}
  void collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) override;
  [[nodiscard]] int ring_fd() const noexcept override { return -1; }
  [[nodiscard]] Intake intake() const override { return {}; }

 private:
  using Skeleton = Handle<process_bpf, destroy_process_bpf>;

  [[nodiscard]] bool read_threads();
  void append_rows(const std::vector<ProcessUse>& uses, std::uint64_t interval_ns, TaskTable& tasks,
                   std::vector<Series>& series) const;

  Skeleton skeleton_;
  bpf::Programs programs_;
  std::size_t top_ = 0;
  ProcessRanking ranking_;
  std::vector<kp_thread> threads_;
  std::uint64_t read_ns_ = 0;  // CLOCK_MONOTONIC of the last reading
  std::uint64_t taken_ns_ = 0;  // begin of the last reading that was whole
  /// On a machine with very many threads a reading takes long; it is then made more seldom.
  Pacer pacer_{1'000'000'000};
};

}  // namespace kpulse::probes
