// The cgroups that counters know, by slot: their names, and when a slot may be given to another one.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abi/cgroup.h"
#include "base/handle.h"
#include "base/result.h"
#include "bpf/kernel.h"
#include "bpf/mapped_array.h"
#include "bpf/programs.h"
#include "bpf/ring.h"
#include "cgroups/hierarchy.h"
#include "cgroups/names.h"
#include "cgroups/walks.h"

struct cgroup_bpf;
void destroy_cgroup_bpf(cgroup_bpf* skeleton) noexcept;

namespace kpulse::cgroups {

/// The first KP_CGROUP_SLOTS - 1 cgroups that something is counted for have a slot each; what comes later shares the
/// slot KP_CGROUP_OTHER. A slot is free again some seconds after its cgroup was removed. One thread.
class Table {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Table>> open(const bpf::KernelTypes& types);

  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// Before an object with programs that count by cgroup (bpf/lib/cgroup.bpf.h) is loaded: makes its maps those of this
  /// table.
  [[nodiscard]] Result<> share(bpf_object* object) const;

  /// For kp_cgroup_subsys of every object that asks which cgroup a task is in.
  [[nodiscard]] std::uint32_t subsys() const noexcept { return subsys_; }

  /// Takes over what came and went. Call before probes are asked for what they counted.
  void drain();

  /// Frees the slots of cgroups that are gone. Call when all probes have handed over what they counted.
  void settle();

  /// Id of the cgroup that has the slot; 0 when nobody has, or for KP_CGROUP_OTHER.
  [[nodiscard]] std::uint64_t owner(std::uint32_t slot) const noexcept;
  /// Name of the slot's cgroup: its path, "(other)", or "(id 1234)" when it came and went unseen.
  [[nodiscard]] std::string name(std::uint32_t slot);

  /// How often something was counted for the slot KP_CGROUP_OTHER because no slot was free.
  [[nodiscard]] std::uint64_t refused() const noexcept { return owners_.values()[KP_CGROUP_OTHER]; }

  [[nodiscard]] const Hierarchy& hierarchy() const noexcept { return hierarchy_; }
  [[nodiscard]] const std::vector<ProgramStatus>& programs() const noexcept { return programs_.status(); }

 private:
  using Skeleton = Handle<cgroup_bpf, destroy_cgroup_bpf>;

  struct Removed {
    std::uint64_t id;
    std::uint64_t at_ns;  // CLOCK_MONOTONIC
  };

  Table() : programs_("cgroup") {}
  [[nodiscard]] Result<> load(const bpf::KernelTypes& types);
  [[nodiscard]] Result<> map_memory();
  void take_event(std::span<const std::byte> bytes);
  void walk_when_needed();
  void walk(std::uint64_t now);
  [[nodiscard]] std::vector<std::uint64_t> nameless() const;
  void release(std::uint64_t id);
  void forget_cached(std::uint64_t id);

  Hierarchy hierarchy_;
  std::uint32_t subsys_ = KP_CGROUP_DEFAULT;
  Skeleton skeleton_;
  bpf::Programs programs_;
  bpf::MappedArray<__u64> owners_;
  bpf::MappedArray<kp_cgroup_cpu> cpus_;
  std::unique_ptr<bpf::Ring> ring_;
  Names names_;
  std::deque<Removed> removed_;
  Walks walks_;
};

}  // namespace kpulse::cgroups
