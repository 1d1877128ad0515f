#include "probes/visit_cpus.h"

#include <sched.h>

#include <cstddef>
#include <memory>

namespace kpulse::probes {
namespace {

constexpr int kMaxCpus = 4096;

struct FreeCpuSet {
  void operator()(cpu_set_t* set) const noexcept { CPU_FREE(set); }
};
using CpuSet = std::unique_ptr<cpu_set_t, FreeCpuSet>;

}  // namespace

void visit_cpus() {
  const std::size_t size = CPU_ALLOC_SIZE(kMaxCpus);
  const CpuSet allowed(CPU_ALLOC(kMaxCpus));
  const CpuSet one(CPU_ALLOC(kMaxCpus));
  if (!allowed || !one || sched_getaffinity(0, size, allowed.get()) != 0) return;
  for (std::size_t cpu = 0; cpu < kMaxCpus; ++cpu) {
    if (!CPU_ISSET_S(cpu, size, allowed.get())) continue;
    CPU_ZERO_S(size, one.get());
    CPU_SET_S(cpu, size, one.get());
    sched_setaffinity(0, size, one.get());
  }
  sched_setaffinity(0, size, allowed.get());
}

}  // namespace kpulse::probes
