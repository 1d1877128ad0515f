#include "probes/block/block_probe.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/clock.h"
#include "block.skel.h"
#include "bpf/kernel.h"
#include "cgroups/table.h"
#include "probes/block/measured.h"
#include "probes/block/times.h"

void destroy_block_bpf(block_bpf* skeleton) noexcept {
  block_bpf__destroy(skeleton);
}

namespace kpulse::probes {
namespace {

constexpr std::uint64_t kLookNs = 1'000'000'000;
/// So many frames after an I/O was met in a slot its other counters are looked at: it is counted in one after the other.
/// What a CPU was held up with for longer is found once a second.
constexpr std::uint8_t kStirredFrames = 2;
/// Longer than any I/O that the kernel's own count of what is in flight does not show (flushes).
constexpr std::uint64_t kQuietNs = 10'000'000'000;

/// The kernel changes these all the time.
template <class T>
T read_now(const T& value) {
  return *const_cast<const volatile T*>(&value);
}
template <class T>
void write_now(T& value, T to) {
  *const_cast<volatile T*>(&value) = to;
}

}  // namespace

void BlockProbe::choose_programs(const bpf::KernelTypes& types) {
  auto& programs = skeleton_->progs;
  skeleton_->rodata->kp_block_lite = lite_;
  if (lite_) {
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton_->obj) bpf::Programs::skip(program);
    return programs_.want(types, programs.kp_rq_complete);
  }
  const bool has_start = types.tracepoint_arguments("block_io_start").has_value();
  // Before 6.4 a request is first seen when it is queued or issued.
  bpf::Programs::skip(has_start ? programs.kp_rq_insert : programs.kp_io_start);
  want(types, programs.kp_rq_complete,
       {has_start ? programs.kp_io_start : programs.kp_rq_insert, programs.kp_rq_issue, programs.kp_rq_requeue,
        programs.kp_rq_merge, programs.kp_backmerge, programs.kp_frontmerge});
  want(types, programs.kp_bio_complete, {programs.kp_bio_queue});
  programs_.want(types, programs.kp_block_look);
}

Result<> BlockProbe::open(const Machine& machine) {
  skeleton_.reset(block_bpf__open());
  if (!skeleton_) return fail(bpf::bpf_error("block: cannot open the programs", errno));
  lite_ = machine.settings.block == "lite";
  choose_programs(machine.types);
  bpf_map__set_max_entries(skeleton_->maps.kp_block_cpus, machine.cpus);
  if (auto shared = machine.cgroups.share(skeleton_->obj); !shared) return shared;
  skeleton_->rodata->kp_cgroup_subsys = machine.cgroups.subsys();
  if (const auto bit = machine.types.enumerator("__RQF_FLUSH_SEQ"))
    skeleton_->rodata->kp_flush_seq_bit = static_cast<__u32>(*bit);
  if (const auto bit = machine.types.enumerator("__RQF_IO_STAT"))
    skeleton_->rodata->kp_io_stat_bit = static_cast<__u32>(*bit);
  skeleton_->rodata->kp_ring_wakeup = bpf_map__max_entries(skeleton_->maps.kp_block_ring) / 2;
  return {};
}

void BlockProbe::want(const bpf::KernelTypes& types, bpf_program* end, std::initializer_list<bpf_program*> others) {
  programs_.want(types, end);
  for (bpf_program* program : others) {
    if (bpf_program__autoload(end)) {
      programs_.want(types, program);
    } else {
      bpf::Programs::skip(program);
    }
  }
}

Result<> BlockProbe::map_memory() {
  auto entries = bpf::MappedArray<kp_block_entry>::map(skeleton_->maps.kp_block_entries, bpf::Access::write);
  if (!entries) return fail(std::move(entries).error());
  auto exits = bpf::MappedArray<kp_block_exit>::map(skeleton_->maps.kp_block_exits, bpf::Access::write);
  if (!exits) return fail(std::move(exits).error());
  auto cpus = bpf::MappedArray<kp_block_cpu>::map(skeleton_->maps.kp_block_cpus);
  if (!cpus) return fail(std::move(cpus).error());
  auto bios = bpf::MappedArray<kp_block_group>::map(skeleton_->maps.kp_block_bios);
  if (!bios) return fail(std::move(bios).error());
  auto ring = bpf::Ring::open(skeleton_->maps.kp_block_ring, [this](auto bytes) { take_record(bytes); });
  if (!ring) return fail(std::move(ring).error());
  entry_memory_ = std::move(*entries);
  exit_memory_ = std::move(*exits);
  cpus_ = std::move(*cpus);
  bios_ = std::move(*bios);
  ring_ = std::move(*ring);
  slots_ = BlockSlots(entry_memory_.writable(), exit_memory_.writable());
  for (std::uint32_t op = 0; op < KP_BLOCK_OPS; ++op)
    skeleton_->bss->kp_block_series[op].used = KP_BLOCK_SERIES_USED | op;
  return {};
}

Result<> BlockProbe::attach(const Machine& machine) {
  auto loaded = programs_.load([&] { return open(machine); }, [this] { return block_bpf__load(skeleton_.get()); });
  if (!loaded) return loaded;
  if (auto mapped = map_memory(); !mapped) return mapped;
  cgroups_ = &machine.cgroups;
  mark_stacked();
  programs_.attach();
  if (!programs_.attached("kp_rq_complete") && !programs_.attached("kp_bio_complete")) {
    return fail("block: cannot see the end of an I/O: " + programs_.status().front().reason);
  }
  assembler_.set_unmeasured(
      lite_ ? unmeasured_by_the_end_alone()
            : unmeasured_block([this](std::string_view name) { return programs_.attached(name); }));
  return {};
}

void BlockProbe::set_windows(const kp_window_config& config) {
  const bool begins = config.epoch != config_.epoch;
  if (begins) {
    if (config_.length != 0) take_slots(window_now() + 2);  // who was at the device still is
    const std::uint32_t bits = BlockSlots::ring_bits(config.length);
    write_now(skeleton_->bss->kp_block_ring_bits, bits);
    slots_.reset(bits);
    for (auto& quota : skeleton_->bss->kp_block_quotas) write_now<__u64>(quota.bound, 0);
  }
  kp_window_control& control = skeleton_->bss->kp_windows;
  const __u32 next = 1 - control.active;
  control.slot[next] = config;
  std::atomic_thread_fence(std::memory_order_release);
  write_now(control.active, next);
  config_ = config;
  assembler_.set_windows(config);
  if (!begins) return;
  for (std::uint32_t index = 0; index < KP_BLOCK_SERIES; ++index) {  // a stream begins: its histograms, too
    if (read_now(skeleton_->bss->kp_block_series[index].used) != 0) times_before_[index] = times_of(index);
  }
}

void BlockProbe::take_record(std::span<const std::byte> bytes) {
  ++records_;
  kp_block_worst record{};
  if (bytes.size() != sizeof(record)) {
    ++records_invalid_;
    return;
  }
  std::memcpy(&record, bytes.data(), sizeof(record));
  if (record.head.type != KP_RECORD_BLOCK_WORST || !assembler_.on_worst(record)) ++records_invalid_;
}

kp_block_times BlockProbe::times_of(std::uint32_t series) const {
  kp_block_times sum{};
  for (const kp_block_cpu& cpu : cpus_.values()) add(sum, cpu.times[series]);
  return sum;
}

void BlockProbe::take_times(std::uint32_t series) {
  if (assembler_.find(series) == nullptr) return;
  const kp_block_times now = times_of(series);
  const kp_block_times before = std::exchange(times_before_[series], now);
  assembler_.on_times(series, difference(before, now));
}

bool BlockProbe::is_idle(std::uint32_t series, const kp_block_flight& flight) const {
  constexpr std::uint64_t kLongNs = 1'000'000'000;  // asks the kernel only when something seems to hang
  if (flight.bios == 0 || flight.begun == 0 || flights_mono_ < flight.begun + kLongNs) return false;
  const BlockSeries* known = assembler_.find(series);
  return known != nullptr && names_.idle(known->device());
}

bool BlockProbe::may_fly(std::uint64_t now) const {
  return read_now(skeleton_->bss->kp_block_begun) != 0 || now >= look_due_ns_ ||
         std::ranges::any_of(flights_, [](const kp_block_flight& flight) { return flight.ios != 0; });
}

void BlockProbe::look_what_flies() {
  const std::uint64_t now = monotonic_ns();
  if (config_.length == 0 || !programs_.attached("kp_block_look") || !flight_pacer_.due(now) || !may_fly(now)) return;
  write_now<__u32>(skeleton_->bss->kp_block_begun, 0);
  std::ranges::fill(skeleton_->bss->kp_block_flights, kp_block_flight{});
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  flights_mono_ = 0;
  const std::uint64_t cpu_began = thread_cpu_ns();
  if (bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.kp_block_look), &options) != 0) return;
  flights_mono_ = now;
  flight_pacer_.done(now, thread_cpu_ns() - cpu_began);
  std::ranges::copy(skeleton_->bss->kp_block_flights, flights_.begin());
  for (std::uint32_t series = 0; series < KP_BLOCK_SERIES; ++series) {
    if (is_idle(series, flights_[series])) flights_[series] = {};
  }
}

void BlockProbe::mark_stacked() {
  kp_block_device* free = skeleton_->bss->kp_block_devices;
  for (const std::uint32_t dev : names_.stacked_devices()) {
    if (free == std::end(skeleton_->bss->kp_block_devices)) return;
    free->stacked = 1;
    (free++)->dev = dev;
  }
}

void BlockProbe::begin_series(std::uint32_t index, std::uint32_t dev) {
  const std::uint32_t op =
      read_now(skeleton_->bss->kp_block_series[index].used) & ~(KP_BLOCK_SERIES_USED | KP_BLOCK_SERIES_STACKED);
  const auto name = dev == 0 ? std::optional<std::string>("other") : names_.find(dev);
  if (!name) return;
  assembler_.begin(index, op, *name, names_.disk_of(dev).value_or(""));
  if (dev == 0) return;
  const bool stacked = names_.stacked(*name);
  for (kp_block_device& device : skeleton_->bss->kp_block_devices) {
    if (read_now(device.dev) == dev) write_now<std::uint32_t>(device.stacked, stacked ? 1 : 0);
  }
  write_now<std::uint32_t>(skeleton_->bss->kp_block_series[index].used,
                           KP_BLOCK_SERIES_USED | (stacked ? KP_BLOCK_SERIES_STACKED : 0) | op);
}

void BlockProbe::follow_series() {
  for (std::uint32_t index = 0; index < KP_BLOCK_SERIES; ++index) {
    const kp_block_series& series = skeleton_->bss->kp_block_series[index];
    const std::uint32_t dev = read_now(series.dev);
    if (read_now(series.used) == 0) continue;
    slots_.use(index);
    if (assembler_.find(index) != nullptr) continue;
    if (index >= KP_BLOCK_OPS && dev == 0) continue;  // being set up
    begin_series(index, dev);
  }
}

void BlockProbe::release_device(std::uint32_t dev) {
  auto& bss = *skeleton_->bss;
  for (kp_block_device& device : bss.kp_block_devices) {
    if (read_now(device.dev) != dev) continue;
    for (std::uint32_t& series : device.series) write_now<std::uint32_t>(series, 0);
    write_now<std::uint32_t>(device.stacked, 0);
    write_now<std::uint32_t>(device.dev, 0);
  }
  for (std::uint32_t index = KP_BLOCK_OPS; index < KP_BLOCK_SERIES; ++index) {
    kp_block_series& series = bss.kp_block_series[index];
    if (read_now(series.dev) != dev) continue;
    assembler_.end(index);
    times_before_[index] = times_of(index);
    write_now<std::uint32_t>(series.dev, 0);
    write_now<std::uint32_t>(series.used, 0);
  }
}

void BlockProbe::follow_device(std::uint32_t index) {
  const kp_block_series& series = skeleton_->bss->kp_block_series[index];
  const std::uint32_t dev = read_now(series.dev);
  if (read_now(series.used) == 0 || dev == 0) return;
  const auto name = names_.find(dev);
  if (!name) return release_device(dev);
  const BlockSeries* known = assembler_.find(index);
  if (known == nullptr || known->device() == *name) return;
  assembler_.end(index);  // another device has its number: begins anew
  times_before_[index] = times_of(index);
}

void BlockProbe::settle_depth(std::uint32_t index, std::uint64_t end) {
  BlockSeries* series = assembler_.find(index);
  if (series == nullptr || series->depth() == 0) return;
  const std::uint64_t quiet_ns = (end - std::min(end, series->last_window())) * config_.length;
  if (quiet_ns < kQuietNs || !names_.idle(series->device())) return;
  series->on_idle();
}

void BlockProbe::look_around(std::uint64_t end) {
  for (std::uint8_t& frames : stirred_) frames = std::max<std::uint8_t>(frames, 1);
  for (std::uint32_t index = KP_BLOCK_OPS; index < KP_BLOCK_SERIES; ++index) {
    follow_device(index);
    settle_depth(index, end);
  }
  missed_ = missed();
}

std::pair<std::uint64_t, std::uint64_t> BlockProbe::take_slots(std::uint64_t end) {
  return slots_.take(
      end, [this](std::uint32_t series, const kp_block_entry& slot) { assembler_.on_slot(series, slot); },
      [this](std::uint32_t series, const kp_block_exit& slot) {
        stirred_[series] = kStirredFrames;
        assembler_.on_slot(series, slot);
      });
}

/// By the windows in force.
std::uint64_t BlockProbe::window_now() const {
  return config_.base_window + (monotonic_ns() - config_.mono_offset - config_.base_clock) / config_.length;
}

void BlockProbe::drain(std::uint64_t end) {
  follow_series();
  look_what_flies();
  // The slots first: the record of an I/O comes into the ring buffer after it was counted, and so is there.
  const auto lost = take_slots(end);
  if (std::exchange(overruns_, losses().overruns) != losses().overruns) assembler_.lose(lost.first, lost.second);
  ring_->consume(bpf_map__max_entries(skeleton_->maps.kp_block_ring) / sizeof(kp_block_worst));
  if (const std::uint64_t now = monotonic_ns(); now >= look_due_ns_) {
    look_due_ns_ = now + kLookNs;
    look_around(end);
  }
  assembler_.on_losses(losses(), missed_);
}

void BlockProbe::collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) {
  if (windows.count == 0) return;
  const bool any = stirred();
  for (std::uint32_t index = 0; index < KP_BLOCK_SERIES; ++index) {
    if (stirred_[index] == 0) continue;
    --stirred_[index];
    take_times(index);
  }
  assembler_.collect(windows, tasks, series);
  if (any) {
    groups_.collect(
        cpus_.values(), bios_.values(), [this](std::uint32_t slot) { return cgroups_->name(slot); }, series);
  }
  if (const std::uint64_t now = std::exchange(flights_mono_, 0); now != 0)
    in_flight_.collect(flights_, now, assembler_, tasks, series);
}

bool BlockProbe::stirred() const {
  return std::ranges::any_of(stirred_, [](std::uint8_t frames) { return frames != 0; });
}

const kp_block_losses& BlockProbe::losses() const {
  return skeleton_->bss->kp_block_losses;
}

std::uint64_t BlockProbe::missed() const {
  return bpf::recursion_misses(skeleton_->obj);
}

Intake BlockProbe::intake() const {
  return {.ring_dropped = losses().ring_dropped,
          .windows_lost = assembler_.windows_lost(),
          .windows_late = slots_.late(),
          .records = records_,
          .records_invalid = records_invalid_};
}

void BlockProbe::pause() {
  programs_.pause("kp_rq_complete");
}

Result<> BlockProbe::resume() {
  return programs_.resume(skeleton_->progs.kp_rq_complete);
}

std::vector<int> BlockProbe::program_fds() const {
  std::vector<int> fds;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton_->obj) {
    if (programs_.attached(bpf_program__name(program))) fds.push_back(bpf_program__fd(program));
  }
  return fds;
}

std::unique_ptr<Probe> make_block_probe() {
  return std::make_unique<BlockProbe>();
}

}  // namespace kpulse::probes
