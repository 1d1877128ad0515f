// Loads the block programs and feeds the assembler from them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "abi/block.h"
#include "base/handle.h"
#include "base/pacer.h"
#include "bpf/mapped_array.h"
#include "bpf/programs.h"
#include "bpf/ring.h"
#include "probes/block/assembler.h"
#include "probes/block/device_names.h"
#include "probes/block/groups.h"
#include "probes/block/in_flight.h"
#include "probes/block/slots.h"
#include "probes/probe.h"

struct block_bpf;
void destroy_block_bpf(block_bpf* skeleton) noexcept;

namespace kpulse::probes {

class BlockProbe final : public Probe {
 public:
  BlockProbe() : programs_("block") {}

  [[nodiscard]] std::string_view name() const noexcept override { return "block"; }
  [[nodiscard]] Result<> attach(const Machine& machine) override;
  [[nodiscard]] std::vector<ProgramStatus> programs() const override { return programs_.status(); }
  void set_windows(const kp_window_config& config) override;
  void drain(std::uint64_t end) override;
  void collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) override;
  [[nodiscard]] int ring_fd() const noexcept override { return ring_->fd(); }
  [[nodiscard]] Intake intake() const override;

  /// Descriptors of the attached programs, for reading their run time. For benchmarks.
  [[nodiscard]] std::vector<int> program_fds() const;

  /// What could not be measured so far. For tests.
  [[nodiscard]] const kp_block_losses& losses() const;
  /// Events that came while the same program ran on the same CPU; asks the kernel.
  [[nodiscard]] std::uint64_t missed() const;

  /// Detaches the program that sees the ends of requests, and attaches it again. For tests: a kernel that hides them.
  void pause();
  [[nodiscard]] Result<> resume();

 private:
  /// What is in flight is looked at in each frame, but not more often than this.
  static constexpr std::uint64_t kFlightNs = 25'000'000;

  using Skeleton = Handle<block_bpf, destroy_block_bpf>;

  [[nodiscard]] Result<> open(const Machine& machine);
  void choose_programs(const bpf::KernelTypes& types);
  /// Programs that are of no use without the one that sees the end.
  void want(const bpf::KernelTypes& types, bpf_program* end, std::initializer_list<bpf_program*> others);
  [[nodiscard]] Result<> map_memory();
  void take_record(std::span<const std::byte> bytes);
  /// Finds I/Os that go on, and has those counted whose end was not shown.
  void look_what_flies();
  /// Whether an I/O may be in flight: one began since the last look, or was found by it.
  [[nodiscard]] bool may_fly(std::uint64_t now) const;
  /// True when the kernel says so of a disk without requests, whose I/Os may have ended unseen.
  [[nodiscard]] bool is_idle(std::uint32_t series, const kp_block_flight& flight) const;
  /// Begins series that are new in the kernel's table.
  void follow_series();
  /// Once a second: devices that are gone or called differently, the depth of those at rest, what was missed.
  void look_around(std::uint64_t end);
  void follow_device(std::uint32_t series);
  void begin_series(std::uint32_t series, std::uint32_t dev);
  /// Devices that hand I/O on to others, before the first one goes there.
  void mark_stacked();
  void release_device(std::uint32_t dev);
  std::pair<std::uint64_t, std::uint64_t> take_slots(std::uint64_t end);
  [[nodiscard]] std::uint64_t window_now() const;
  void settle_depth(std::uint32_t series, std::uint64_t end);
  [[nodiscard]] kp_block_times times_of(std::uint32_t series) const;
  /// Hands over what the times of a series have grown by.
  void take_times(std::uint32_t series);
  /// Whether I/Os were counted lately. Their counters by series and by cgroup are many, and mostly at rest.
  [[nodiscard]] bool stirred() const;

  Skeleton skeleton_;
  bool lite_ = false;  // only the ends of requests are seen
  bpf::Programs programs_;
  bpf::MappedArray<kp_block_entry> entry_memory_;
  bpf::MappedArray<kp_block_exit> exit_memory_;
  bpf::MappedArray<kp_block_cpu> cpus_;
  bpf::MappedArray<kp_block_group> bios_;
  std::unique_ptr<bpf::Ring> ring_;
  BlockSlots slots_{{}, {}};
  BlockAssembler assembler_;
  BlockGroups groups_;
  BlockInFlight in_flight_;
  std::array<kp_block_flight, KP_BLOCK_SERIES> flights_{};  // as of the last drain(), ...
  std::uint64_t flights_mono_ = 0;  // ... at this time of CLOCK_MONOTONIC; 0: not known, or in a frame already
  Pacer flight_pacer_{kFlightNs};
  DeviceNames names_;
  cgroups::Table* cgroups_ = nullptr;
  std::array<std::uint8_t, KP_BLOCK_SERIES> stirred_{};     // frames in which its counters are still looked at
  std::vector<kp_block_times> times_before_ = std::vector<kp_block_times>(KP_BLOCK_SERIES);  // that have been taken
  kp_window_config config_{};
  std::uint64_t look_due_ns_ = 0;
  std::uint64_t overruns_ = 0;  // of losses(), at the last drain
  std::uint64_t missed_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t records_invalid_ = 0;
};

}  // namespace kpulse::probes
