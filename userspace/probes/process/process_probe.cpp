#include "probes/process/process_probe.h"

#include <cerrno>
#include <string>
#include <utility>

#include "base/clock.h"
#include "bpf/iterator.h"
#include "bpf/kernel.h"
#include "cgroups/table.h"
#include "model/ids.h"
#include "probes/columns.h"
#include "process.skel.h"

void destroy_process_bpf(process_bpf* skeleton) noexcept {
  process_bpf__destroy(skeleton);
}

namespace kpulse::probes {
namespace {

namespace id = ids::process;

constexpr std::size_t kMaxThreads = 262'144;

}  // namespace

Result<> ProcessProbe::attach(const Machine& machine) {
  top_ = static_cast<std::size_t>(machine.settings.top_processes);
  if (top_ == 0) return {};
  const auto open = [&]() -> Result<> {
    skeleton_.reset(process_bpf__open());
    if (!skeleton_) return fail(bpf::bpf_error("process: cannot open the program", errno));
    skeleton_->rodata->kp_cgroup_subsys = machine.cgroups.subsys();
    programs_.want(machine.types, skeleton_->progs.kp_threads);
    return {};
  };
  if (auto loaded = programs_.load(open, [this] { return process_bpf__load(skeleton_.get()); }); !loaded) return loaded;
  programs_.attach();
  if (!programs_.attached("kp_threads")) return fail("process: " + programs_.status().front().reason);
  pacer_.postpone(monotonic_ns());
  if (!read_threads()) return {};
  static_cast<void>(ranking_.take(std::move(threads_)));
  taken_ns_ = read_ns_;
  return {};
}

/// False when it could not be read to its end; what is known of the threads then stays as it was.
bool ProcessProbe::read_threads() {
  read_ns_ = monotonic_ns();
  return bpf::read_iterator(bpf_link__fd(programs_.link("kp_threads")), threads_, kMaxThreads);
}

void ProcessProbe::collect(const WindowRange& windows, TaskTable& tasks, std::vector<Series>& series) {
  if (windows.count == 0 || top_ == 0 || !pacer_.due(monotonic_ns())) return;
  const std::uint64_t cpu_began = thread_cpu_ns();
  const bool whole = read_threads();
  pacer_.done(read_ns_, thread_cpu_ns() - cpu_began);
  if (!whole) return;  // the next interval is so much longer
  const std::uint64_t before = std::exchange(taken_ns_, read_ns_);
  append_rows(ranking_.take(std::move(threads_)), read_ns_ - before, tasks, series);
}

void ProcessProbe::append_rows(const std::vector<ProcessUse>& uses, std::uint64_t interval_ns, TaskTable& tasks,
                               std::vector<Series>& series) const {
  for (const Resource& resource : resources()) {
    std::uint32_t rank = 0;
    for (const ProcessUse* use : ProcessRanking::top(uses, resource, top_)) {
      Series row{.measurement = ids::kProcess,
                 .tags = {std::to_string(++rank), std::string(resource.name)},
                 .absent = {},
                 .columns = {}};
      add_value(row, id::kTask, tasks.add(use->process));
      add_value(row, id::kCpu, use->cpu_ns);
      add_value(row, id::kWait, use->wait_ns);
      add_value(row, id::kMinorFaults, use->minor_faults);
      add_value(row, id::kMajorFaults, use->major_faults);
      add_value(row, id::kRead, use->read_bytes);
      add_value(row, id::kWrite, use->write_bytes);
      add_value(row, id::kThreads, use->threads);
      add_value(row, id::kInterval, interval_ns);
      series.push_back(std::move(row));
    }
  }
}

std::unique_ptr<Probe> make_process_probe() {
  return std::make_unique<ProcessProbe>();
}

}  // namespace kpulse::probes
