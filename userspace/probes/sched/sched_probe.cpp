#include "probes/sched/sched_probe.h"

#include <bpf/bpf.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/clock.h"
#include "bpf/cpus.h"
#include "bpf/iterator.h"
#include "bpf/kernel.h"
#include "bpf/seqlock.h"
#include "bpf/window_slots.h"
#include "cgroups/table.h"
#include "model/ids.h"
#include "probes/sched/recording.h"
#include "probes/sched/waiting.h"
#include "probes/visit_cpus.h"
#include "sched.skel.h"

void destroy_sched_bpf(sched_bpf* skeleton) noexcept {
  sched_bpf__destroy(skeleton);
}

namespace kpulse::probes {
namespace {

/// What the ring holds when each CPU closes every window, in case that the agent does not come to read.
constexpr std::uint64_t kRingNs = 3'000'000'000;
constexpr std::uint64_t kRecordHead = 8;  // of a ring buffer's own

constexpr std::size_t kMostWaiting = 65'536;

std::uint32_t ring_bytes(std::uint64_t cpus, std::uint64_t window_ns) {
  const std::uint64_t records = cpus * (kRingNs / window_ns + 1);
  constexpr std::uint64_t kLeast = 64U << 10U, kMost = 64U << 20U;
  return static_cast<std::uint32_t>(
      std::bit_ceil(std::clamp(records * (sizeof(kp_sched_window) + kRecordHead), kLeast, kMost)));
}

/// What the CPU was running when `copy` was read; nothing, when it has done something else since. `clock` is that of
/// the run queue now, by which goes who was not looked at.
RunningGroup running_group(const kp_sched_cpu& live, const kp_sched_cpu& copy, const kp_sched_groups& groups,
                           const kp_look& look, std::uint64_t clock) {
  const std::uint64_t counted = groups.group[copy.group % KP_CGROUP_SLOTS].cpu_ns;
  std::atomic_thread_fence(std::memory_order_acquire);
  const bool same = *const_cast<const volatile __u64*>(&live.sequence) == copy.sequence;
  if (!same || copy.group_pid == 0) return {};
  const std::uint64_t ran = look.ran > copy.group_ran ? look.ran - copy.group_ran : 0;
  const std::uint64_t elapsed = clock > copy.from ? clock - copy.from : 0;
  const bool looked_at = look.clock != 0;
  return {.slot = copy.group, .ns = !looked_at ? elapsed : look.pid == copy.group_pid ? ran : 0, .counted = counted};
}

bool run_on(std::size_t cpu, const bpf_program* program) {
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  options.flags = BPF_F_TEST_RUN_ON_CPU;
  options.cpu = static_cast<__u32>(cpu);
  return bpf_prog_test_run_opts(bpf_program__fd(program), &options) == 0;
}

void run(const bpf_program* program) {
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  bpf_prog_test_run_opts(bpf_program__fd(program), &options);
}

bool has_sched_info(const bpf::KernelTypes& types) {
  return types.has_field("sched_info", "last_queued") && types.has_field("task_struct", "sched_info") &&
         types.has_field("cfs_rq", "rq");
}

}  // namespace

Result<> SchedProbe::record_to(const std::string& path) {
  auto file = std::make_unique<std::ofstream>(path, std::ios::binary | std::ios::trunc);
  if (!*file) return fail("cannot write the recording " + path + ": " + std::strerror(errno));
  recording_ = std::move(file);
  return {};
}

void SchedProbe::choose_programs(const bpf::KernelTypes& types) {
  if (method_ == WaitMethod::automatic) method_ = has_sched_info(types) ? WaitMethod::sched_info : WaitMethod::wakeup;
  const bool by_wakeup = method_ == WaitMethod::wakeup;
  skeleton_->rodata->kp_by_wakeup = by_wakeup;

  auto& programs = skeleton_->progs;
  programs_.want(types, programs.kp_migrate);  // first: of a task that a switch was seen of, no move is missed
  const bool has_prev_state = types.tracepoint_arguments("sched_switch").value_or(0) >= 4;
  programs_.want(types, has_prev_state ? programs.kp_switch : programs.kp_switch_3arg);
  bpf::Programs::skip(has_prev_state ? programs.kp_switch_3arg : programs.kp_switch);
  for (bpf_program* program : {programs.kp_wakeup, programs.kp_wakeup_new}) {
    by_wakeup ? programs_.want(types, program) : bpf::Programs::skip(program);
  }
  for (bpf_program* program :
       {programs.kp_fork, programs.kp_exec, programs.kp_exit, programs.kp_attach}) {
    programs_.want(types, program);
  }
  for (bpf_program* program : {programs.kp_meet_tasks, programs.kp_waiting}) {
    by_wakeup ? bpf::Programs::skip(program) : programs_.want(types, program);
  }
}

Result<> SchedProbe::open(const Machine& machine) {
  skeleton_.reset(sched_bpf__open());
  if (!skeleton_) return fail(bpf::bpf_error("sched: cannot open the programs", errno));
  choose_programs(machine.types);
  skeleton_->rodata->kp_cgroup_subsys = machine.cgroups.subsys();
  if (auto shared = machine.cgroups.share(skeleton_->obj); !shared) return shared;
  const std::uint32_t cpus = machine.cpus;
  const std::uint32_t ring_size = ring_bytes(cpus, machine.window_ns);
  skeleton_->rodata->kp_ring_wakeup = ring_size / 2;
  bpf_map__set_max_entries(skeleton_->maps.kp_ring, ring_size);
  bpf_map__set_max_entries(skeleton_->maps.kp_sched_cpus, cpus);
  const std::uint32_t slots = bpf::window_slots(machine.window_ns);
  skeleton_->rodata->kp_slots = slots;
  bpf_map__set_max_entries(skeleton_->maps.kp_sched_slots, cpus * slots);
  bpf_map__set_max_entries(skeleton_->maps.kp_sched_groups, cpus);
  bpf_map__set_max_entries(skeleton_->maps.kp_run_queues, cpus);
  bpf_map__set_max_entries(skeleton_->maps.kp_stints, cpus);
  return {};
}

Result<> SchedProbe::map_memory() {
  auto cpus = bpf::MappedArray<kp_sched_cpu>::map(skeleton_->maps.kp_sched_cpus);
  if (!cpus) return fail(std::move(cpus).error());
  auto slots = bpf::MappedArray<kp_sched_slot>::map(skeleton_->maps.kp_sched_slots, bpf::Access::write);
  if (!slots) return fail(std::move(slots).error());
  auto groups = bpf::MappedArray<kp_sched_groups>::map(skeleton_->maps.kp_sched_groups);
  if (!groups) return fail(std::move(groups).error());
  auto ring = bpf::Ring::open(skeleton_->maps.kp_ring, [this](auto bytes) { take_record(bytes); });
  if (!ring) return fail(std::move(ring).error());
  cpus_ = std::move(*cpus);
  slots_ = std::move(*slots);
  groups_ = std::move(*groups);
  running_.resize(cpus_.values().size());
  met_.assign(cpus_.values().size(), false);
  ring_ = std::move(*ring);
  assembler_.emplace(cpus_.values().size());
  return {};
}

Result<> SchedProbe::attach(const Machine& machine) {
  cgroups_ = &machine.cgroups;
  auto loaded = programs_.load([&] { return open(machine); }, [this] { return sched_bpf__load(skeleton_.get()); });
  if (!loaded) return loaded;
  if (auto mapped = map_memory(); !mapped) return mapped;
  programs_.attach();
  if (!programs_.attached("kp_switch") && !programs_.attached("kp_switch_3arg")) {
    const auto is_switch = [](const auto& program) { return program.name.starts_with("kp_switch"); };
    const auto refused = std::ranges::find_if(programs_.status(), is_switch);
    return fail("sched: cannot attach to sched_switch: " + (refused == programs_.status().end() ? "" : refused->reason));
  }
  meet_tasks();
  meet(bpf::online_cpus());
  assembler_->set_unmeasured(unmeasured());
  visit_cpus();
  return {};
}

/// All else comes from the switches, without which there is no probe.
std::vector<std::uint32_t> SchedProbe::unmeasured() const {
  namespace id = ids::sched;
  constexpr std::pair<std::string_view, std::uint32_t> kNeeds[]{
      {"kp_migrate", id::kMigrations}, {"kp_fork", id::kForks}, {"kp_exec", id::kExecs}, {"kp_exit", id::kExits}};
  std::vector<std::uint32_t> fields;
  if (method_ == WaitMethod::wakeup) fields.push_back(id::kRunnableMax);
  if (!tells_stolen_) fields.push_back(id::kStolen);
  if (!tells_irq_) fields.push_back(id::kIrq);
  for (const auto& [program, field] : kNeeds) {
    if (!programs_.attached(program)) fields.push_back(field);
  }
  return fields;
}

void SchedProbe::set_windows(const kp_window_config& config) {
  if (config_.length == 0) skeleton_->bss->kp_measured_since = monotonic_ns() - config.mono_offset;
  const bool begins = config.epoch != config_.epoch;
  if (begins) std::ranges::fill(slots_.writable(), kp_sched_slot{});  // after a step back the same numbers come again
  kp_window_control& control = skeleton_->bss->kp_windows;
  const __u32 next = 1 - control.active;
  control.slot[next] = config;
  std::atomic_thread_fence(std::memory_order_release);
  *const_cast<volatile __u32*>(&control.active) = next;
  config_ = config;
  assembler_->set_windows(config);
  if (recording_ != nullptr) recording::write(*recording_, config);
  if (!begins) return;
  take_snapshots(0);
  std::vector<Series> before_the_stream;
  collect_groups(before_the_stream);
}

void SchedProbe::take_record(std::span<const std::byte> bytes) {
  ++records_;
  kp_sched_window record{};
  if (bytes.size() != sizeof(record)) {
    ++records_invalid_;
    return;
  }
  std::memcpy(&record, bytes.data(), sizeof(record));
  if (record.head.type != KP_RECORD_SCHED_WINDOW || !assembler_->on_record(record)) {
    ++records_invalid_;
    return;
  }
  readings_.push_back({.clock_ns = record.closed_clock, .mono_ns = record.closed_mono});
  if (recording_ != nullptr) recording::write(*recording_, record);
}

/// Has the CPU itself look at what it is doing, through an interrupt.
void SchedProbe::check(std::size_t cpu) const {
  run_on(cpu, skeleton_->progs.kp_check);
}

/// Has it noted of each task what its next wait begins from. Who is left out is met at its next switch.
void SchedProbe::meet_tasks() const {
  std::vector<std::byte> nothing;
  if (const bpf_link* link = programs_.link("kp_meet_tasks"))
    static_cast<void>(bpf::read_iterator(bpf_link__fd(link), nothing, 0));
}

/// Has each CPU note where its run queue is, one that was offline then when it has come.
void SchedProbe::meet(std::span<const std::uint32_t> online) {
  if (method_ != WaitMethod::sched_info) return;  // without run queues
  for (const std::uint32_t cpu : online) {
    if (cpu < met_.size() && !met_[cpu]) met_[cpu] = run_on(cpu, skeleton_->progs.kp_meet);
  }
}

/// Has the run queues' clocks looked at from here.
void SchedProbe::look() const {
  if (method_ != WaitMethod::sched_info) return;
  run(skeleton_->progs.kp_look);
}

void SchedProbe::take_snapshots(std::uint64_t end) {
  look();
  const std::uint64_t windows = std::max<std::uint64_t>(end, config_.base_window) - config_.base_window;
  const std::uint64_t clock = config_.base_clock + windows * config_.length;
  kp_sched_cpu copy{};
  for (std::size_t cpu = 0; cpu < cpus_.values().size(); ++cpu) {
    const kp_sched_cpu& live = cpus_.values()[cpu];
    running_[cpu] = {};  // what was seen last time is over, also where nothing can be read now
    if (live.sequence == 0) continue;
    hides_switches_ = hides_switches_ || live.switches_missed != 0;
    // Busy without an event for a whole window: usually a task that spins. Where switches are hidden, it may be idle as
    // well.
    if (hides_switches_ && live.open.running != 0 && live.open.number + 1 < end) check(cpu);
    if (!bpf::read_consistent(live, live.sequence, copy)) continue;
    const kp_look look = looked(cpu);
    if (recording_ != nullptr) {
      recording::write(*recording_, cpu, look);
      recording::write(*recording_, cpu, copy);
    }
    assembler_->on_look(cpu, look);
    assembler_->on_snapshot(cpu, copy);
    learn_what_is_told(look.lost);
    learn_what_is_told(copy.lost);
    running_[cpu] = running_group(live, copy, groups_.values()[cpu], look, clock);
  }
}

/// A sum that has been 0 on all CPUs since boot may be one that this kernel does not keep, or that its hypervisor does
/// not feed: no value, rather than "nothing was lost".
void SchedProbe::learn_what_is_told(const kp_lost& lost) {
  const bool stolen = tells_stolen_ || lost.stolen != 0, irq = tells_irq_ || lost.irq != 0;
  if (stolen == tells_stolen_ && irq == tells_irq_) return;
  tells_stolen_ = stolen;
  tells_irq_ = irq;
  assembler_->set_unmeasured(unmeasured());
}

/// Who waits, out of the run queues in which somebody does. False when one of them could not be read as a whole: it
/// changed meanwhile, is too long, or tasks of other classes wait in it.
bool SchedProbe::walk_queues() {
  constexpr int kTries = 2;
  kp_queue& queue = skeleton_->bss->kp_queue;
  for (std::uint32_t cpu = 0; cpu < cpus_.values().size(); ++cpu) {
    if (looked(cpu).runnable <= 1) continue;
    queue.cpu = cpu;
    queue.whole = 0;
    for (int tried = 0; tried < kTries && queue.whole == 0; ++tried) run(skeleton_->progs.kp_walk);
    if (queue.whole == 0) return false;
    const std::span<const kp_waiting> found(queue.waiting);
    const auto end = found.begin() + std::min<std::uint32_t>(queue.found, KP_QUEUE_ROOM);
    waiting_.insert(waiting_.end(), found.begin(), end);
  }
  ++looks_.walks;
  return true;
}

/// The same out of all tasks of the machine.
bool SchedProbe::scan_tasks() {
  waiting_.clear();
  if (!bpf::read_iterator(bpf_link__fd(programs_.link("kp_waiting")), waiting_, kMostWaiting)) return false;
  ++looks_.scans;
  return true;
}

bool SchedProbe::somebody_waits() const {
  for (std::size_t cpu = 0; cpu < cpus_.values().size(); ++cpu) {
    if (looked(cpu).runnable > 1) return true;
  }
  return false;
}

/// What does not end is seen all the same. Costs nothing while no run queue holds more than the running task.
void SchedProbe::look_who_waits() {
  const std::uint64_t began = monotonic_ns();
  if (config_.length == 0 || !programs_.attached("kp_waiting") || !waiting_pacer_.due(began)) return;
  waiting_clock_ = 0;
  waiting_.clear();
  if (somebody_waits()) {
    const std::uint64_t cpu_began = thread_cpu_ns();
    if (!walk_queues() && !scan_tasks()) return;
    waiting_pacer_.done(began, thread_cpu_ns() - cpu_began);
  }
  waiting_clock_ = began - config_.mono_offset;
}

void SchedProbe::collect_waiting(TaskTable& tasks, std::vector<Series>& series) {
  if (const std::uint64_t clock = std::exchange(waiting_clock_, 0); clock != 0)
    append_waiting(waiting_, clock, cpus_.values().size(), tasks, series);
}

void SchedProbe::drain(std::uint64_t end) {
  // The mapping first: a window that is closed after it was read is then in the ring buffer.
  take_snapshots(end);
  look_who_waits();
  ring_->consume(bpf_map__max_entries(skeleton_->maps.kp_ring) / sizeof(kp_sched_window));
  const std::size_t ring = slots_.values().size() / cpus_.values().size();
  for (std::size_t cpu = 0; cpu < cpus_.values().size(); ++cpu) {
    if (cpus_.values()[cpu].sequence == 0) continue;
    const std::span<const kp_sched_slot> slots = slots_.values().subspan(cpu * ring, ring);
    if (recording_ != nullptr) recording::write(*recording_, cpu, slots, end);
    assembler_->on_slots(cpu, slots, end);
  }
}

std::vector<ClockReading> SchedProbe::take_clock_readings() {
  if (config_.length == 0) {  // before the first window the programs leave their readings in the mapping
    for (const kp_sched_cpu& live : cpus_.values()) {
      kp_sched_cpu copy{};
      if (live.sequence != 0 && bpf::read_consistent(live, live.sequence, copy) && copy.open.closed_mono != 0) {
        readings_.push_back({.clock_ns = copy.open.closed_clock, .mono_ns = copy.open.closed_mono});
      }
    }
  }
  return std::exchange(readings_, {});
}

void SchedProbe::collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) {
  if (windows.count == 0) return;
  if (recording_ != nullptr) recording::write(*recording_, windows);
  assembler_->collect(windows, tasks, series);
  collect_groups(series);
  collect_waiting(tasks, series);
}

std::optional<WindowRange> SchedProbe::late() {
  return assembler_->late();
}

void SchedProbe::collect_late(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) {
  assembler_->collect_late(windows, tasks, series);
}

void SchedProbe::collect_groups(std::vector<Series>& series) {
  group_rows_.collect(
      groups_.values(), running_, [this](std::uint32_t slot) { return cgroups_->name(slot); }, series);
}

Intake SchedProbe::intake() const {
  Intake intake{.windows_lost = assembler_->windows_lost(),
                .windows_late = assembler_->windows_late(),
                .records = records_,
                .records_invalid = records_invalid_,
                .switches_unmeasured = skeleton_->bss->kp_switches_unmeasured,
                .sleeps_unmarked = skeleton_->bss->kp_marks_lost};
  for (const kp_sched_cpu& cpu : cpus_.values()) {
    intake.ring_dropped += cpu.ring_dropped;
    intake.switches_missed += cpu.switches_missed;
    intake.clock_backwards += cpu.clock_backwards;
  }
  return intake;
}

kp_look SchedProbe::looked(std::size_t cpu) const {
  return cpu < KP_LOOK_CPUS ? skeleton_->bss->kp_looked[cpu] : kp_look{};
}

bpf_program* SchedProbe::switch_program() const {
  return programs_.attached("kp_switch") ? skeleton_->progs.kp_switch : skeleton_->progs.kp_switch_3arg;
}

void SchedProbe::hide_switches() {
  programs_.pause(bpf_program__name(switch_program()));
}

Result<> SchedProbe::show_switches() {
  return programs_.resume(switch_program());
}

void SchedProbe::hide_moves() {
  programs_.pause(bpf_program__name(skeleton_->progs.kp_migrate));
}

std::vector<int> SchedProbe::program_fds() const {
  std::vector<int> fds;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton_->obj) {
    if (programs_.attached(bpf_program__name(program))) fds.push_back(bpf_program__fd(program));
  }
  return fds;
}

std::unique_ptr<Probe> make_sched_probe() {
  return std::make_unique<SchedProbe>();
}

}  // namespace kpulse::probes
