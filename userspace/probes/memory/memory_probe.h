// Loads the memory programs and feeds the assembler from them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "abi/memory.h"
#include "base/handle.h"
#include "bpf/mapped_array.h"
#include "bpf/programs.h"
#include "bpf/ring.h"
#include "bpf/window_slots.h"
#include "probes/memory/assembler.h"
#include "probes/memory/groups.h"
#include "probes/memory/major_faults.h"
#include "probes/probe.h"

struct memory_bpf;
void destroy_memory_bpf(memory_bpf* skeleton) noexcept;

namespace kpulse::probes {

class MemoryProbe final : public Probe {
 public:
  MemoryProbe();

  [[nodiscard]] std::string_view name() const noexcept override { return "memory"; }
  [[nodiscard]] Result<> attach(const Machine& machine) override;
  [[nodiscard]] std::vector<ProgramStatus> programs() const override;
  void follow_cpus(std::span<const std::uint32_t> online) override;
  void set_windows(const kp_window_config& config) override;
  void drain(std::uint64_t end) override;
  [[nodiscard]] bool urgent() const override { return assembler_.urgent(); }
  void collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) override;
  [[nodiscard]] int ring_fd() const noexcept override { return ring_->fd(); }
  [[nodiscard]] Intake intake() const override;

  /// Descriptor of the program that runs at every fault of user space, for reading its run time. For benchmarks.
  [[nodiscard]] int fault_program() const;
  /// Descriptor of the map of who is stalled. For tests.
  [[nodiscard]] int open_stalls_map() const;

 private:
  using Skeleton = Handle<memory_bpf, destroy_memory_bpf>;
  struct OpenStalls {
    kp_open_stall entry[KP_OPEN_STALLS];
  };

  [[nodiscard]] Result<> open(const Machine& machine);
  void choose_programs(const bpf::KernelTypes& types);
  void want_pair(const bpf::KernelTypes& types, bpf_program* begin, bpf_program* end);
  [[nodiscard]] Result<> map_memory();
  void attach_major_faults();
  void leave_out_what_is_missing();
  void collect_groups(std::vector<Series>& series);
  void take_record(std::span<const std::byte> bytes);
  void forget_slots();

  Skeleton skeleton_;
  bpf::Programs programs_;
  MajorFaults major_faults_;
  ProgramStatus major_faults_status_;
  bpf::MappedArray<kp_fault_cpu> faults_;
  bpf::MappedArray<kp_fault_slot> fault_slots_;  // by CPU
  bpf::MappedArray<kp_memory_slot> slots_;
  bpf::MappedArray<OpenStalls> open_stalls_;
  bpf::MappedArray<kp_memory_total> total_;
  bpf::MappedArray<kp_memory_group> groups_;
  std::vector<bpf::WindowSlots<kp_fault_slot>> fault_windows_;  // by CPU
  std::vector<bpf::WindowSlots<kp_memory_slot>> windows_;       // one
  std::unique_ptr<bpf::Ring> ring_;
  MemoryAssembler assembler_;
  MemoryGroups group_rows_;
  cgroups::Table* cgroups_ = nullptr;
  std::uint32_t epoch_ = 0;
  std::uint64_t missed_ = 0, missed_due_ns_ = 0;  // runs that the kernel left out, and when to ask next
  std::uint64_t records_ = 0;
  std::uint64_t records_invalid_ = 0;
};

}  // namespace kpulse::probes
