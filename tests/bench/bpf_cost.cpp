// bpf-cost: what the scheduler probe costs each context switch, as the kernel itself counts it (bpf_stats), less an
// empty program on the same hook; and the classic way to measure run-queue waits, in the same run. Pipe ping-pong
// pinned to one CPU. By cgroup costs about as much as all the rest (22 ns before there was any).
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "base/handle.h"
#include "bench/median.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "probes/sched/sched_probe.h"
#include "reference.skel.h"

namespace {

using namespace kpulse;
using bench::median;
using Reference = Handle<reference_bpf, reference_bpf__destroy>;

constexpr int kRounds = 5;
constexpr int kExchanges = 100'000;

/// Sum over programs: time in them and how often they ran.
struct Cost {
  std::uint64_t time_ns = 0;
  std::uint64_t runs = 0;
};

Cost cost_of(int program) {
  bpf_prog_info info{};
  __u32 size = sizeof(info);
  bpf_obj_get_info_by_fd(program, &info, &size);
  return {.time_ns = info.run_time_ns, .runs = info.run_cnt};
}

/// Two processes on one CPU.
void switch_to_and_fro(test::Account&) {
  test::ping_pong([exchange = 0]() mutable { return exchange++ < kExchanges; });
}

/// Runs the load while `wait` keeps an eye on it.
template <class Wait>
void with_load(Wait wait) {
  test::Child load({.name = "kp_pingpong", .cpu = test::test_cpu(), .nice = -20}, switch_to_and_fro);
  wait([&] { return load.finished(); });
}

void just_wait(const std::function<bool()>& done) {
  while (!done()) usleep(10'000);
}

/// ns per context switch of a set of programs, of which the one that runs most often runs at each switch; less `empty`
/// for each run.
double per_switch(const std::vector<int>& programs, double empty) {
  double time = 0;
  std::uint64_t switches = 0;
  for (const int program : programs) {
    const Cost cost = cost_of(program);
    time += static_cast<double>(cost.time_ns) - empty * static_cast<double>(cost.runs);
    switches = std::max(switches, cost.runs);
  }
  return time / static_cast<double>(switches);
}

Reference load_reference(bool classic) {
  Reference reference(reference_bpf__open());
  bpf_program__set_autoload(reference->progs.ref_empty, !classic);
  for (bpf_program* program :
       {reference->progs.ref_switch, reference->progs.ref_wakeup, reference->progs.ref_wakeup_new}) {
    bpf_program__set_autoload(program, classic);
  }
  if (reference_bpf__load(reference.get()) != 0 || reference_bpf__attach(reference.get()) != 0) {
    throw std::runtime_error("cannot attach the reference programs");
  }
  return reference;
}

double measure_empty() {
  const Reference reference = load_reference(false);
  with_load(just_wait);
  return per_switch({bpf_program__fd(reference->progs.ref_empty)}, 0);
}

double measure_classic(double empty) {
  const Reference reference = load_reference(true);
  with_load(just_wait);
  const auto& programs = reference->progs;
  return per_switch({bpf_program__fd(programs.ref_switch), bpf_program__fd(programs.ref_wakeup),
                     bpf_program__fd(programs.ref_wakeup_new)},
                    empty);
}

double measure_probe(double empty) {
  auto owned = std::make_unique<probes::SchedProbe>();
  const probes::SchedProbe& probe = *owned;
  std::vector<std::unique_ptr<probes::Probe>> probes;
  probes.push_back(std::move(owned));
  test::Watch watch(std::chrono::milliseconds(10), std::move(probes));
  with_load([&](const auto& done) { watch.run_until(done, std::chrono::seconds(60)); });
  return per_switch(probe.program_fds(), empty);
}

}  // namespace

int main() {
  if (const std::string missing = test::missing_for_bpf(); !missing.empty()) {
    fmt::print(stderr, "bpf-cost: {}\n", missing);
    return 77;
  }
  const FileDescriptor statistics(bpf_enable_stats(BPF_STATS_RUN_TIME));
  std::vector<double> empties, probes, classics, ratios;
  for (int round = 0; round < kRounds; ++round) {
    empties.push_back(measure_empty());
    probes.push_back(measure_probe(empties.back()));
    classics.push_back(measure_classic(empties.back()));
    ratios.push_back(classics.back() / probes.back());
  }
  fmt::print(R"({{"name":"bpf-cost.empty","value":{:.1f},"unit":"ns/run"}})"
             "\n"
             R"({{"name":"bpf-cost","value":{:.1f},"unit":"ns/switch","target":"<= 60","pass":{}}})"
             "\n"
             R"({{"name":"bpf-cost.classic-ratio","value":{:.1f},"unit":"times","target":">= 8","pass":{}}})"
             "\n",
             median(empties), median(probes), median(probes) <= 60, median(ratios), median(ratios) >= 8);
  return median(probes) <= 60 && median(ratios) >= 8 ? 0 : 1;
}
