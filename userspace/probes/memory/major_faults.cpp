#include "probes/memory/major_faults.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "bpf/kernel.h"

namespace kpulse::probes {
namespace {

int open_event(int cpu) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof(attributes);
  attributes.config = PERF_COUNT_SW_PAGE_FAULTS_MAJ;
  attributes.sample_period = 1;
  return static_cast<int>(syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

Result<std::vector<bpf::Link>> attach_to_major_faults(const bpf_program* program) {
  std::vector<bpf::Link> links;
  const int cpus = libbpf_num_possible_cpus();
  for (int cpu = 0; cpu < cpus; ++cpu) {
    const int event = open_event(cpu);
    if (event < 0 && errno == ENODEV) continue;  // offline
    if (event < 0) return fail(bpf::bpf_error("perf_event_open (page-faults-major)", errno));
    bpf::Link link(bpf_program__attach_perf_event(program, event));  // takes the event, unless it fails
    if (!link) {
      const int error = errno;
      close(event);
      return fail(bpf::bpf_error("attach", error));
    }
    links.push_back(std::move(link));
  }
  return links;
}

}  // namespace kpulse::probes
