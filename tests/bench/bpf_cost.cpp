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
#include "bpf/programs.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "probes/sched/sched_probe.h"
#include "reference.skel.h"

namespace {

using namespace kpulse;
using bench::median;
using Reference = Handle<reference_bpf, reference_bpf__destroy>;
using bpf::Link;

constexpr double kCheap = 60;  // ns
constexpr double kTimesCheaper = 8;

// The state of the machine changes within seconds (a neighbour on the other thread of a core, the clock's speed), and
// costs of the one and the other do not grow alike. So rounds are short, what is compared runs in each of them, and the
// median of many is told.
constexpr int kRounds = 60;
constexpr int kExchanges = 4'000;

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

/// ns per context switch of a set of programs under the load, of which the one that runs most often runs at each
/// switch; less `empty` for each run. `wait` keeps an eye on the load until it has finished.
template <class Wait>
double per_switch(const std::vector<int>& programs, double empty, Wait wait) {
  std::vector<Cost> before;
  for (const int program : programs) before.push_back(cost_of(program));
  test::Child load({.name = "kp_pingpong", .cpu = test::test_cpu(), .nice = -20}, switch_to_and_fro);
  wait([&] { return load.finished(); });
  double time = 0;
  std::uint64_t switches = 0;
  for (std::size_t index = 0; index < programs.size(); ++index) {
    const Cost cost = cost_of(programs[index]);
    const std::uint64_t runs = cost.runs - before[index].runs;
    time += static_cast<double>(cost.time_ns - before[index].time_ns) - empty * static_cast<double>(runs);
    switches = std::max(switches, runs);
  }
  return time / static_cast<double>(switches);
}

/// Programs of the reference, attached for the time of a measurement only.
class ReferencePrograms {
 public:
  explicit ReferencePrograms(bool classic) : reference_(reference_bpf__open()) {
    const auto& all = reference_->progs;
    used_ = classic ? std::vector{all.ref_switch, all.ref_wakeup, all.ref_wakeup_new} : std::vector{all.ref_empty};
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, reference_->obj) {
      bpf_program__set_autoload(program, std::ranges::find(used_, program) != used_.end());
    }
    if (reference_bpf__load(reference_.get()) != 0) throw std::runtime_error("cannot load the reference programs");
  }

  double measure(double empty) {
    std::vector<int> fds;
    std::vector<Link> links;
    for (bpf_program* program : used_) {
      links.emplace_back(bpf_program__attach(program));
      if (!links.back()) throw std::runtime_error("cannot attach the reference programs");
      fds.push_back(bpf_program__fd(program));
    }
    return per_switch(fds, empty, [](const auto& done) {
      while (!done()) usleep(1'000);
    });
  }

 private:
  Reference reference_;
  std::vector<bpf_program*> used_;
};

/// The scheduler probe, whose program at each switch is attached for the time of a measurement only.
class Subject {
 public:
  Subject() : watch_(std::chrono::milliseconds(10), own_probe()) { probe_->hide_switches(); }

  double measure(double empty) {
    if (const Result<> shown = probe_->show_switches(); !shown) throw std::runtime_error(shown.error().message);
    const double cost = per_switch(probe_->program_fds(), empty,
                                   [&](const auto& done) { watch_.run_until(done); });
    probe_->hide_switches();
    return cost;
  }

 private:
  std::vector<std::unique_ptr<probes::Probe>> own_probe() {
    auto owned = std::make_unique<probes::SchedProbe>();
    probe_ = owned.get();
    std::vector<std::unique_ptr<probes::Probe>> probes;
    probes.push_back(std::move(owned));
    return probes;
  }

  probes::SchedProbe* probe_ = nullptr;
  test::Watch watch_;
};

}  // namespace

int main() {
  if (const std::string missing = test::missing_for_bpf(); !missing.empty()) {
    fmt::print(stderr, "bpf-cost: {}\n", missing);
    return 77;
  }
  const FileDescriptor statistics(bpf_enable_stats(BPF_STATS_RUN_TIME));
  ReferencePrograms nothing(false), classic(true);
  Subject subject;
  std::vector<double> empties, probes, ratios;
  for (int round = 0; round < kRounds; ++round) {
    empties.push_back(nothing.measure(0));
    probes.push_back(subject.measure(empties.back()));
    ratios.push_back(classic.measure(empties.back()) / probes.back());
  }
  // Where the clock is so slow to read that nothing at all costs more than what is promised, only the comparison tells.
  const double empty = median(empties), probe = median(probes), ratio = median(ratios);
  const bool slow = empty > kCheap, pass = probe <= kCheap || (slow && ratio >= kTimesCheaper);
  const std::string verdict = fmt::format(R"(,"pass":{})", pass);
  fmt::print(R"({{"name":"bpf-cost.empty","value":{:.1f},"unit":"ns/run"}})"
             "\n"
             R"({{"name":"bpf-cost","value":{:.1f},"unit":"ns/switch"{}}})"
             "\n"
             R"({{"name":"bpf-cost.classic-ratio","value":{:.1f},"unit":"times"{}}})"
             "\n",
             empty, probe, slow ? "" : fmt::format(R"(,"target":"<= {}"{})", kCheap, verdict), ratio,
             slow ? fmt::format(R"(,"target":">= {}"{})", kTimesCheaper, verdict) : "");
  return pass ? 0 : 1;
}
