// Loads the scheduler programs and feeds the assembler from them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abi/sched.h"
#include "base/handle.h"
#include "base/pacer.h"
#include "bpf/mapped_array.h"
#include "bpf/programs.h"
#include "bpf/ring.h"
#include "probes/probe.h"
#include "probes/sched/assembler.h"
#include "probes/sched/groups.h"

struct bpf_program;
struct sched_bpf;
void destroy_sched_bpf(sched_bpf* skeleton) noexcept;

namespace kpulse::probes {

/// Where run-queue waits come from.
enum class WaitMethod {
  automatic,   ///< sched_info where the kernel has it, else wakeup
  sched_info,  ///< the kernel's own stamps: one program per switch
  wakeup,      ///< stamps at sched_wakeup in task storage: the fallback, and the reference that tests compare with
};

class SchedProbe final : public Probe {
 public:
  explicit SchedProbe(WaitMethod method = WaitMethod::automatic) : method_(method), programs_("sched") {}

  [[nodiscard]] std::string_view name() const noexcept override { return "sched"; }
  [[nodiscard]] Result<> record_to(const std::string& path) override;
  [[nodiscard]] Result<> attach(const Machine& machine) override;
  [[nodiscard]] std::vector<ProgramStatus> programs() const override { return programs_.status(); }
  void follow_cpus(std::span<const std::uint32_t> online) override { meet(online); }
  void set_windows(const kp_window_config& config) override;
  void drain(std::uint64_t end) override;
  [[nodiscard]] std::vector<ClockReading> take_clock_readings() override;
  void collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) override;
  [[nodiscard]] std::optional<WindowRange> late() override;
  void collect_late(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) override;
  void take_back(std::vector<Series>& series) override { group_rows_.take_back(series); }
  [[nodiscard]] int ring_fd() const noexcept override { return ring_->fd(); }
  [[nodiscard]] Intake intake() const override;

  /// The method in use; valid after attach().
  [[nodiscard]] WaitMethod method() const noexcept { return method_; }

  /// The mapping of every CPU, as the programs write it. For tests and benchmarks.
  [[nodiscard]] std::span<const kp_sched_cpu> cpus() const noexcept { return cpus_.values(); }

  /// Until show_switches() no switch is seen, as in a sandbox that hides those of its own tasks. For tests.
  void hide_switches();
  [[nodiscard]] Result<> show_switches();
  /// From now on no task is seen to be moved, as in such a sandbox. For tests.
  void hide_moves();

  /// The CPU's run queue as of the last drain(). For tests.
  [[nodiscard]] kp_look looked(std::size_t cpu) const;

  /// How often it was found out who waits: out of the run queues, and by a scan of all tasks. For tests.
  struct WaitingLooks {
    std::uint64_t walks = 0, scans = 0;
  };
  [[nodiscard]] WaitingLooks waiting_looks() const noexcept { return looks_; }

  /// Descriptors of the attached programs, for reading their run time. For benchmarks.
  [[nodiscard]] std::vector<int> program_fds() const;

 private:
  /// Who waits is looked at in each frame, but not more often than this, and so that it costs at most 1 % of a CPU.
  static constexpr std::uint64_t kWaitingNs = 50'000'000;

  using Skeleton = Handle<sched_bpf, destroy_sched_bpf>;

  [[nodiscard]] Result<> open(const Machine& machine);
  void choose_programs(const bpf::KernelTypes& types);
  [[nodiscard]] Result<> map_memory();
  void take_record(std::span<const std::byte> bytes);
  void take_snapshots(std::uint64_t end);
  [[nodiscard]] std::vector<std::uint32_t> unmeasured() const;
  void learn_what_is_told(const kp_lost& lost);
  void check(std::size_t cpu) const;
  void meet_tasks() const;
  void meet(std::span<const std::uint32_t> online);
  void look() const;
  [[nodiscard]] bpf_program* switch_program() const;
  void collect_groups(std::vector<Series>& series);
  [[nodiscard]] bool somebody_waits() const;
  [[nodiscard]] bool walk_queues();
  [[nodiscard]] bool scan_tasks();
  void look_who_waits();
  void collect_waiting(TaskTable& tasks, std::vector<Series>& series);

  WaitMethod method_;
  Skeleton skeleton_;
  bpf::Programs programs_;
  bpf::MappedArray<kp_sched_cpu> cpus_;
  bpf::MappedArray<kp_sched_slot> slots_;
  bpf::MappedArray<kp_sched_groups> groups_;
  cgroups::Table* cgroups_ = nullptr;
  std::unique_ptr<bpf::Ring> ring_;
  std::optional<SchedAssembler> assembler_;
  SchedGroups group_rows_;
  std::vector<RunningGroup> running_;  // by CPU, as of the last drain()
  std::vector<bool> met_;              // by CPU: it has noted where its run queue is
  kp_window_config config_{};
  std::vector<kp_waiting> waiting_;  // as of the last drain(), ...
  std::uint64_t waiting_clock_ = 0;  // ... at this time of the run queues' clocks; 0: not known, or in a frame already
  Pacer waiting_pacer_{kWaitingNs};
  WaitingLooks looks_;
  std::vector<ClockReading> readings_;
  std::unique_ptr<std::ostream> recording_;
  bool tells_stolen_ = false, tells_irq_ = false;
  bool hides_switches_ = false;  // this kernel has been seen to keep a switch from us
  std::uint64_t records_ = 0;
  std::uint64_t records_invalid_ = 0;
};

}  // namespace kpulse::probes
