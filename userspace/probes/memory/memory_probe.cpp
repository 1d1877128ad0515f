#include "probes/memory/memory_probe.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "bpf/kernel.h"
#include "cgroups/table.h"
#include "memory.skel.h"
#include "probes/memory/measured.h"

void destroy_memory_bpf(memory_bpf* skeleton) noexcept {
  memory_bpf__destroy(skeleton);
}

namespace kpulse::probes {
namespace {

/// More records than the ring buffer can hold: all of them.
constexpr std::size_t kDrainRecords = 4096;
constexpr std::uint64_t kMissedIntervalNs = 1'000'000'000;

}  // namespace

MemoryProbe::MemoryProbe() : programs_("memory"), assembler_(static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))) {}

/// Ends are attached first: a stall whose end is not seen would never be over. Without it nothing begins either.
void MemoryProbe::want_pair(const bpf::KernelTypes& types, bpf_program* begin, bpf_program* end) {
  programs_.want(types, end);
  programs_.want(types, begin);
  if (!bpf_program__autoload(end)) bpf::Programs::skip(begin);
}

void MemoryProbe::choose_programs(const bpf::KernelTypes& types) {
  auto& programs = skeleton_->progs;
  for (bpf_program* program : {programs.kp_fault_user, programs.kp_fault_kernel, programs.kp_throttled,
                               programs.kp_fallback, programs.kp_stall_exit}) {
    programs_.want(types, program);
  }
  want_pair(types, programs.kp_direct_begin, programs.kp_direct_end);
  want_pair(types, programs.kp_memcg_begin, programs.kp_memcg_end);
  want_pair(types, programs.kp_compact_beg, programs.kp_compact_end);
  want_pair(types, programs.kp_kswapd_wake, programs.kp_kswapd_sleep);
  // Until 6.8 (and what was backported to older ones) mark_victim has nothing but a pid.
  const bool has_task = types.tracepoint_arguments("mark_victim").value_or(0) >= 2;
  programs_.want(types, has_task ? programs.kp_oom : programs.kp_oom_pid);
  bpf::Programs::skip(has_task ? programs.kp_oom_pid : programs.kp_oom);
  has_task ? bpf::Programs::skip(programs.kp_oom_signal) : programs_.want(types, programs.kp_oom_signal);
}

Result<> MemoryProbe::open(const Machine& machine) {
  skeleton_.reset(memory_bpf__open());
  if (!skeleton_) return fail(bpf::bpf_error("memory: cannot open the programs", errno));
  choose_programs(machine.types);
  skeleton_->rodata->kp_cgroup_subsys = machine.cgroups.subsys();
  if (auto shared = machine.cgroups.share(skeleton_->obj); !shared) return shared;
  const std::uint32_t slots = bpf::window_slots(machine.window_ns);
  skeleton_->rodata->kp_slots = slots;
  bpf_map__set_max_entries(skeleton_->maps.kp_fault_cpus, machine.cpus);
  bpf_map__set_max_entries(skeleton_->maps.kp_fault_slots, machine.cpus * slots);
  bpf_map__set_max_entries(skeleton_->maps.kp_memory_slots, slots);
  return {};
}

Result<> MemoryProbe::map_memory() {
  using bpf::Access;
  auto faults = bpf::MappedArray<kp_fault_cpu>::map(skeleton_->maps.kp_fault_cpus, Access::write);
  if (!faults) return fail(std::move(faults).error());
  auto fault_slots = bpf::MappedArray<kp_fault_slot>::map(skeleton_->maps.kp_fault_slots, Access::write);
  if (!fault_slots) return fail(std::move(fault_slots).error());
  auto slots = bpf::MappedArray<kp_memory_slot>::map(skeleton_->maps.kp_memory_slots, Access::write);
  if (!slots) return fail(std::move(slots).error());
  auto open = bpf::MappedArray<OpenStalls>::map(skeleton_->maps.kp_open_stalls);
  if (!open) return fail(std::move(open).error());
  auto total = bpf::MappedArray<kp_memory_total>::map(skeleton_->maps.kp_memory_total);
  if (!total) return fail(std::move(total).error());
  auto groups = bpf::MappedArray<kp_memory_group>::map(skeleton_->maps.kp_memory_groups);
  if (!groups) return fail(std::move(groups).error());
  auto ring = bpf::Ring::open(skeleton_->maps.kp_ring, [this](auto bytes) { take_record(bytes); });
  if (!ring) return fail(std::move(ring).error());
  faults_ = std::move(*faults);
  fault_slots_ = std::move(*fault_slots);
  slots_ = std::move(*slots);
  open_stalls_ = std::move(*open);
  total_ = std::move(*total);
  groups_ = std::move(*groups);
  ring_ = std::move(*ring);
  const std::size_t ring_size = slots_.values().size();
  for (std::size_t first = 0; first < fault_slots_.values().size(); first += ring_size)
    fault_windows_.emplace_back(fault_slots_.writable().subspan(first, ring_size));
  windows_.emplace_back(slots_.writable());
  return {};
}

void MemoryProbe::attach_major_faults() {
  const bpf_program* program = skeleton_->progs.kp_fault_major;
  major_faults_status_ = {
      .probe = std::string(name()), .name = bpf_program__name(program), .attached = false, .reason = {}};
  const auto attached = major_faults_.follow(program, bpf::online_cpus());
  major_faults_status_.attached = attached.has_value();
  if (attached) return;
  major_faults_status_.reason = attached.error().message;
  major_faults_ = {};  // a part of the count would be taken for all of it
}

void MemoryProbe::follow_cpus(std::span<const std::uint32_t> online) {
  if (!major_faults_status_.attached) return;
  if (const auto followed = major_faults_.follow(skeleton_->progs.kp_fault_major, online); !followed)
    spdlog::warn("memory: major faults of a CPU that came online are not counted: {}", followed.error().message);
}

void MemoryProbe::leave_out_what_is_missing() {
  UnmeasuredMemory unmeasured = unmeasured_memory([this](std::string_view program) {
    return program == major_faults_status_.name ? major_faults_status_.attached : programs_.attached(program);
  });
  assembler_.set_unmeasured(std::move(unmeasured.windows));
  group_rows_.set_unmeasured(std::move(unmeasured.cgroups));
}

Result<> MemoryProbe::attach(const Machine& machine) {
  cgroups_ = &machine.cgroups;
  auto loaded = programs_.load([&] { return open(machine); }, [this] { return memory_bpf__load(skeleton_.get()); });
  if (!loaded) return loaded;
  if (auto mapped = map_memory(); !mapped) return mapped;
  attach_major_faults();
  programs_.attach();
  leave_out_what_is_missing();
  return {};
}

std::vector<ProgramStatus> MemoryProbe::programs() const {
  std::vector<ProgramStatus> programs = programs_.status();
  if (!major_faults_status_.name.empty()) programs.push_back(major_faults_status_);
  return programs;
}

/// CPUs look for their window anew, and what was counted under the old numbers is gone.
void MemoryProbe::forget_slots() {
  for (kp_fault_cpu& cpu : faults_.writable()) *const_cast<volatile __u64*>(&cpu.until) = 0;
  for (auto& cpu : fault_windows_) cpu.reset();
  windows_.front().reset();
}

void MemoryProbe::set_windows(const kp_window_config& config) {
  kp_window_control& control = skeleton_->bss->kp_windows;
  const __u32 next = 1 - control.active;
  control.slot[next] = config;
  std::atomic_thread_fence(std::memory_order_release);
  *const_cast<volatile __u32*>(&control.active) = next;
  assembler_.set_windows(config);
  if (config.epoch == epoch_) return;
  epoch_ = config.epoch;
  forget_slots();
  assembler_.on_total(total_.values().front());
  std::vector<Series> before_the_stream;
  collect_groups(before_the_stream);
}

void MemoryProbe::take_record(std::span<const std::byte> bytes) {
  ++records_;
  kp_record_head head{};
  if (bytes.size() < sizeof(head)) {
    ++records_invalid_;
    return;
  }
  std::memcpy(&head, bytes.data(), sizeof(head));
  if (kp_stall_record stall{}; head.type == KP_RECORD_STALL && bytes.size() == sizeof(stall)) {
    std::memcpy(&stall, bytes.data(), sizeof(stall));
    if (!assembler_.on_stall(stall)) ++records_invalid_;
  } else if (kp_oom_record kill{}; head.type == KP_RECORD_OOM && bytes.size() == sizeof(kill)) {
    std::memcpy(&kill, bytes.data(), sizeof(kill));
    assembler_.on_oom(kill);
  } else {
    ++records_invalid_;
  }
}

void MemoryProbe::drain(std::uint64_t end) {
  // Who is stalled first: a stall that ends after that is then in the ring buffer.
  assembler_.on_open(open_stalls_.values().front().entry);
  ring_->consume(kDrainRecords);
  for (auto& cpu : fault_windows_) {
    cpu.take(end, [this](std::uint64_t window, const kp_fault_slot& slot) { assembler_.on_faults(window, slot); });
  }
  windows_.front().take(end,
                        [this](std::uint64_t window, const kp_memory_slot& slot) { assembler_.on_slot(window, slot); });
  assembler_.on_total(total_.values().front());
  if (const std::uint64_t now = monotonic_ns(); now >= missed_due_ns_) {
    missed_due_ns_ = now + kMissedIntervalNs;
    missed_ = bpf::recursion_misses(skeleton_->obj);
  }
}

void MemoryProbe::collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) {
  assembler_.collect(windows, tasks, series);
  if (windows.count > 0) collect_groups(series);
}

void MemoryProbe::collect_groups(std::vector<Series>& series) {
  group_rows_.collect(
      faults_.values(), groups_.values(), [this](std::uint32_t slot) { return cgroups_->name(slot); }, series);
}

Intake MemoryProbe::intake() const {
  const kp_memory_total& total = total_.values().front();
  Intake intake{.ring_dropped = total.ring_dropped,
                .windows_late = assembler_.windows_late() + windows_.front().late(),
                .records = records_,
                .records_invalid = records_invalid_,
                .events_dropped = total.slots_dropped + total.open_dropped + total.ends_missed + missed_};
  for (const kp_fault_cpu& cpu : faults_.values()) intake.events_dropped += cpu.dropped;
  for (const auto& cpu : fault_windows_) intake.windows_late += cpu.late();
  return intake;
}

int MemoryProbe::fault_program() const {
  return bpf_program__fd(skeleton_->progs.kp_fault_user);
}

int MemoryProbe::open_stalls_map() const {
  return bpf_map__fd(skeleton_->maps.kp_open_stalls);
}

std::unique_ptr<Probe> make_memory_probe() {
  return std::make_unique<MemoryProbe>();
}

}  // namespace kpulse::probes
