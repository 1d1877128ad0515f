#include "agent/sampler.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "bpf/kernel.h"
#include "probes/task_table.h"

namespace kpulse::agent {
namespace {

using namespace std::chrono_literals;

/// Most rows of one frame: keeps it well below the 1 MiB that a message may have.
constexpr std::uint64_t kMaxRows = 8192;

std::uint32_t most_windows(const SamplerOptions& options) {
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, kMaxRows / options.cpus));
}

std::uint32_t frame_windows(const SamplerOptions& options) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(options.publish_ns / options.window_ns, most_windows(options)));
}

}  // namespace

Sampler::Sampler(SamplerOptions options)
    : options_(std::move(options)),
      clock_(options_.window_ns),
      schedule_(options_.window_ns, frame_windows(options_), options_.grace_ns),
      told_cpus_(options_.cpus) {}

Result<std::unique_ptr<Sampler>> Sampler::start(SamplerOptions options,
                                                std::vector<std::unique_ptr<probes::Probe>> probes) {
  std::unique_ptr<Sampler> sampler(new Sampler(std::move(options)));
  if (auto done = sampler->attach(std::move(probes)); !done) return fail(std::move(done).error());
  sampler->align();
  sampler->begin_stream();
  return sampler;
}

Result<> Sampler::attach(std::vector<std::unique_ptr<probes::Probe>> probes) {
  const auto types = bpf::KernelTypes::load();
  if (!types) return fail(types.error());
  auto cgroups = cgroups::Table::open(*types);
  if (!cgroups) return fail(std::move(cgroups).error());
  cgroups_ = std::move(*cgroups);
  take_status(cgroups_->programs());
  const probes::Machine machine{.types = *types,
                                .cgroups = *cgroups_,
                                .settings = options_.probes,
                                .cpus = options_.cpus,
                                .window_ns = options_.window_ns};
  std::vector<Error> failures;
  for (auto& probe : probes) {
    if (!options_.record.empty()) {
      if (auto opened = probe->record_to(options_.record); !opened) return opened;
    }
    auto attached = probe->attach(machine);
    take_status(probe->programs());
    if (attached) {
      probes_.push_back(std::move(probe));
    } else {
      failures.push_back(std::move(attached).error());
    }
  }
  if (probes_.empty()) return fail(failures.empty() ? Error{.message = "this build has no probes"} : failures.front());
  for (const Error& failure : failures) spdlog::error("{}", failure.message);
  return {};
}

void Sampler::take_status(const std::vector<ProgramStatus>& programs) {
  for (const ProgramStatus& program : programs) {
    if (!program.attached) spdlog::warn("{}: {} is not attached: {}", program.probe, program.name, program.reason);
    programs_.push_back(program);
  }
}

/// Without the scheduler probe there is no run-queue clock to be seen, and any clock will do for the others.
void Sampler::align() {
  for (int attempt = 0; attempt < 200; ++attempt) {
    std::this_thread::sleep_for(1ms);  // each sleep is a switch, and so a reading of the run queue's clock
    take_clock_readings();
    if (attempt >= 10 && begin_windows()) return;
  }
  spdlog::warn("no context switch was seen: windows are cut by CLOCK_MONOTONIC instead of the run queues' clock");
  const std::uint64_t now = monotonic_ns();
  clock_.add({.clock_ns = now, .mono_ns = now});
  begin_windows();
}

bool Sampler::begin_windows() {
  const auto config = clock_.update(read_wall());
  if (config) set_windows(*config);
  return config.has_value();
}

void Sampler::take_clock_readings() {
  for (auto& probe : probes_) {
    for (const auto& reading : probe->take_clock_readings()) clock_.add(reading);
  }
}

void Sampler::set_windows(const kp_window_config& config) {
  for (auto& probe : probes_) probe->set_windows(config);
}

void Sampler::begin_stream() {
  stream_ = wall_ns();
  sequence_ = 0;
  schedule_.begin(stream_);
}

void Sampler::drain(std::uint64_t wall) {
  follow_cpus();
  cgroups_->drain();
  for (auto& probe : probes_) probe->drain(schedule_.ended(wall));
}

/// CPUs may come at any time. There is room only for those that were there at the start.
void Sampler::follow_cpus() {
  const std::uint64_t now = monotonic_ns();
  if (!cpus_pacer_.due(now)) return;
  cpus_pacer_.postpone(now);
  const std::vector<std::uint32_t> online = bpf::online_cpus();
  for (const std::uint32_t cpu : online) {
    if (cpu < told_cpus_) continue;
    told_cpus_ = cpu + 1;
    spdlog::warn("CPU {} came after the agent was started and is not measured; restart the agent to measure it", cpu);
  }
  for (auto& probe : probes_) probe->follow_cpus(online);
}

Frame Sampler::empty_frame(const probes::WindowRange& windows) {
  return {.host = options_.host,
          .stream = stream_,
          .sequence = ++sequence_,
          .window_ns = options_.window_ns,
          .first_window = windows.first,
          .windows = windows.count,
          .late = false,
          .tasks = {},
          .series = std::exchange(spare_, {})};
}

std::optional<Frame> Sampler::next_frame(std::uint64_t wall) {
  if (auto late = late_frame()) return late;
  return frame_of(schedule_.next_frame(wall));
}

/// From the first to the last late window of all probes, but no more than a frame may have.
std::optional<Frame> Sampler::late_frame() {
  std::optional<probes::WindowRange> range;
  for (auto& probe : probes_) {
    const auto late = probe->late();
    if (!late) continue;
    const std::uint64_t first = std::min(range.value_or(*late).first, late->first);
    const std::uint64_t end = std::max(range.value_or(*late).end(), late->end());
    range = {.first = first, .count = static_cast<std::uint32_t>(end - first)};
  }
  if (!range) return std::nullopt;
  range->count = std::min(range->count, most_windows(options_));
  Frame frame = empty_frame(*range);
  frame.late = true;
  probes::TaskTable tasks(frame.tasks);
  for (auto& probe : probes_) probe->collect_late(*range, tasks, frame.series);
  return frame;
}

std::optional<Frame> Sampler::frame_of(const std::optional<probes::WindowRange>& windows) {
  if (!windows) return std::nullopt;
  Frame frame = empty_frame(*windows);
  probes::TaskTable tasks(frame.tasks);
  for (auto& probe : probes_) probe->collect(*windows, tasks, frame.series);
  if (windows->count > 0) cgroups_->settle();
  return frame;
}

std::optional<Frame> Sampler::urgent_frame(std::uint64_t wall) {
  const bool urgent = std::ranges::any_of(probes_, [](const auto& probe) { return probe->urgent(); });
  return urgent ? frame_of(schedule_.so_far(wall)) : std::nullopt;
}

std::optional<std::int64_t> Sampler::follow_clock() {
  take_clock_readings();
  const std::uint64_t steps = clock_.steps();
  const auto config = clock_.update(read_wall());
  if (!config) return std::nullopt;
  set_windows(*config);
  if (clock_.steps() == steps) return std::nullopt;
  begin_stream();
  return clock_.last_step_ns();
}

std::vector<int> Sampler::ring_fds() const {
  std::vector<int> fds;
  for (const auto& probe : probes_) {
    if (probe->ring_fd() >= 0) fds.push_back(probe->ring_fd());
  }
  return fds;
}

probes::Intake Sampler::intake() const {
  probes::Intake total;
  for (const auto& probe : probes_) total += probe->intake();
  total.cgroups_refused = cgroups_->refused();
  return total;
}

}  // namespace kpulse::agent
