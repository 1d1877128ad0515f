#include "probes/memory/major_faults.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "bpf/kernel.h"

namespace kpulse::probes {
namespace {

int open_event(std::uint32_t cpu) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof(attributes);
  attributes.config = PERF_COUNT_SW_PAGE_FAULTS_MAJ;
  attributes.sample_period = 1;
  return static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, -1, static_cast<int>(cpu), -1, PERF_FLAG_FD_CLOEXEC));
}

/// Null when the CPU has gone offline meanwhile.
Result<bpf::Link> attach(const bpf_program* program, std::uint32_t cpu) {
  const int event = open_event(cpu);
  if (event < 0 && errno == ENODEV) return bpf::Link();
  if (event < 0) return fail(bpf::bpf_error("perf_event_open (page-faults-major)", errno));
  bpf::Link link(bpf_program__attach_perf_event(program, event));  // takes the event, unless it fails
  if (!link) {
    const int error = errno;
    close(event);
    return fail(bpf::bpf_error("attach", error));
  }
  return link;
}

}  // namespace

Result<> MajorFaults::follow(const bpf_program* program, std::span<const std::uint32_t> online) {
  std::erase_if(links_, [&](const auto& entry) { return !std::ranges::binary_search(online, entry.first); });
  Result<> result;
  for (const std::uint32_t cpu : online) {
    const auto [entry, is_new] = links_.try_emplace(cpu);
    if (!is_new) continue;
    auto link = attach(program, cpu);
    if (link) {
      entry->second = std::move(*link);
    } else {
      result = fail(std::move(link).error());
    }
  }
  return result;
}

}  // namespace kpulse::probes
