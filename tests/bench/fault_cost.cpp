// fault-cost: what the memory probe costs each page fault, as the kernel itself counts it (bpf_stats), less an empty
// program on the same hook. One process that touches new pages, pinned to one CPU.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <vector>

#include "base/handle.h"
#include "bench/median.h"
#include "fault_empty.skel.h"
#include "kernel/memory_watch.h"
#include "kernel/watch.h"
#include "kernel/workload.h"

namespace {

using namespace kpulse;
using bench::median;
using Empty = Handle<fault_empty_bpf, fault_empty_bpf__destroy>;

constexpr int kRounds = 7;
constexpr int kPasses = 200;
constexpr double kTargetNs = 30;

double ns_per_run(int program) {
  bpf_prog_info info{};
  __u32 size = sizeof(info);
  bpf_obj_get_info_by_fd(program, &info, &size);
  return static_cast<double>(info.run_time_ns) / static_cast<double>(info.run_cnt);
}

/// 1,024 faults a pass.
void fault() {
  constexpr std::size_t kBytes = 4UL << 20U;
  for (int pass = 0; pass < kPasses; ++pass) {
    auto* memory =
        static_cast<char*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    madvise(memory, kBytes, MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < kBytes; at += 4096) memory[at] = 1;
    munmap(memory, kBytes);
  }
}

template <class Wait>
void with_load(Wait wait) {
  test::Child load({.name = "kp_fault", .cpu = test::test_cpu(), .nice = -20}, [](test::Account&) { fault(); });
  wait([&] { return load.finished(); });
}

double measure_empty() {
  const Empty empty(fault_empty_bpf__open_and_load());
  if (!empty || fault_empty_bpf__attach(empty.get()) != 0) throw std::runtime_error("cannot attach the empty program");
  with_load([](const auto& done) {
    while (!done()) usleep(10'000);
  });
  return ns_per_run(bpf_program__fd(empty->progs.ref_empty));
}

double measure_probe() {
  test::MemoryWatch watch(std::chrono::milliseconds(10));
  with_load([&](const auto& done) { watch.run_until(done); });
  return ns_per_run(watch.fault_program());
}

}  // namespace

int main() {
  if (const std::string missing = test::missing_for_bpf(); !missing.empty()) {
    fmt::print(stderr, "fault-cost: {}\n", missing);
    return 77;
  }
  const FileDescriptor statistics(bpf_enable_stats(BPF_STATS_RUN_TIME));
  std::vector<double> empties, nets;
  for (int round = 0; round < kRounds; ++round) {
    empties.push_back(measure_empty());
    nets.push_back(measure_probe() - empties.back());
  }
  fmt::print(R"({{"name":"fault-cost.empty","value":{:.1f},"unit":"ns/run"}})"
             "\n"
             R"({{"name":"fault-cost","value":{:.1f},"unit":"ns/fault","target":"<= 30","pass":{}}})"
             "\n",
             median(empties), median(nets), median(nets) <= kTargetNs);
  return median(nets) <= kTargetNs ? 0 : 1;
}
