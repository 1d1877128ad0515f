#include "probes/process/ranking.h"

#include <algorithm>
#include <utility>

namespace kpulse::probes {
namespace {

constexpr std::array kResources{
    Resource{"cpu", [](const ProcessUse& use) { return use.cpu_ns; }},
    Resource{"faults", [](const ProcessUse& use) { return use.minor_faults + use.major_faults; }},
    Resource{"io", [](const ProcessUse& use) { return use.read_bytes + use.write_bytes; }},
    Resource{"wait", [](const ProcessUse& use) { return use.wait_ns; }},
};

/// Counters of a thread only grow; one that went down (write_bytes of a file that was truncated, say) counts as no use.
std::uint64_t growth(std::uint64_t before, std::uint64_t now) {
  return now > before ? now - before : 0;
}

ProcessUse use_of(const kp_thread& before, const kp_thread& now) {
  return {.process = now.process,
          .cpu_ns = growth(before.cpu_ns, now.cpu_ns),
          .wait_ns = growth(before.wait_ns, now.wait_ns),
          .minor_faults = growth(before.minor_faults, now.minor_faults),
          .major_faults = growth(before.major_faults, now.major_faults),
          .read_bytes = growth(before.read_bytes, now.read_bytes),
          .write_bytes = growth(before.write_bytes, now.write_bytes),
          .threads = 1};
}

bool used_anything(const ProcessUse& use) {
  return std::ranges::any_of(kResources, [&](const Resource& resource) { return resource.amount(use) > 0; });
}

void add(ProcessUse& sum, const ProcessUse& use) {
  sum.cpu_ns += use.cpu_ns;
  sum.wait_ns += use.wait_ns;
  sum.minor_faults += use.minor_faults;
  sum.major_faults += use.major_faults;
  sum.read_bytes += use.read_bytes;
  sum.write_bytes += use.write_bytes;
  sum.threads += use.threads;
}

/// The iterator goes by pid, but by those of its own namespace.
template <class T, class Key>
void in_order(std::vector<T>& values, Key key) {
  if (!std::ranges::is_sorted(values, {}, key)) std::ranges::sort(values, {}, key);
}

/// What processes used, of what their threads did.
std::vector<ProcessUse> joined(std::vector<ProcessUse> threads) {
  in_order(threads, [](const ProcessUse& use) { return use.process.tgid; });
  std::vector<ProcessUse> processes;
  processes.reserve(threads.size());
  for (const ProcessUse& use : threads) {
    if (processes.empty() || processes.back().process.tgid != use.process.tgid) {
      processes.push_back(use);
      processes.back().process.pid = use.process.tgid;
    } else {
      add(processes.back(), use);
    }
  }
  return processes;
}

}  // namespace

std::span<const Resource> resources() noexcept {
  return kResources;
}

/// Both readings are in order of the threads' pids, so one pass over the two finds each thread's counters of before. A
/// table with an entry for each thread cost more than all that is done with them.
std::vector<ProcessUse> ProcessRanking::take(std::vector<kp_thread>&& threads) {
  in_order(threads, [](const kp_thread& thread) { return thread.process.pid; });
  std::vector<ProcessUse> uses;
  auto known = before_.begin();
  for (const kp_thread& thread : threads) {
    while (known != before_.end() && known->process.pid < thread.process.pid) ++known;
    const bool same =
        known != before_.end() && known->process.pid == thread.process.pid && known->start == thread.start;
    const ProcessUse use = use_of(same ? *known : kp_thread{}, thread);
    if (used_anything(use)) uses.push_back(use);
  }
  std::swap(before_, threads);
  if (!std::exchange(begun_, true)) return {};
  return joined(std::move(uses));
}

std::vector<const ProcessUse*> ProcessRanking::top(const std::vector<ProcessUse>& uses, const Resource& resource,
                                                   std::size_t count) {
  std::vector<const ProcessUse*> ranked;
  for (const ProcessUse& use : uses) {
    if (resource.amount(use) > 0) ranked.push_back(&use);
  }
  const auto more = [&](const ProcessUse* a, const ProcessUse* b) {
    const auto x = resource.amount(*a), y = resource.amount(*b);
    return x != y ? x > y : a->process.tgid < b->process.tgid;
  };
  const auto end = ranked.begin() + static_cast<std::ptrdiff_t>(std::min(count, ranked.size()));
  std::partial_sort(ranked.begin(), end, ranked.end(), more);
  ranked.erase(end, ranked.end());
  return ranked;
}

}  // namespace kpulse::probes
