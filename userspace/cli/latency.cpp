#include "cli/latency.h"

#include <algorithm>

#include "abi/histogram.h"
#include "model/histogram.h"

namespace kpulse::cli {

void LatencyTracker::begin(const std::string& cpu, std::uint64_t start_ns) {
  newest_.emplace(cpu, start_ns);
}

void LatencyTracker::seen(const std::string& cpu, std::uint64_t start_ns, std::uint64_t window_ns,
                          std::uint64_t now_ns) {
  auto [newest, added] = newest_.try_emplace(cpu, 0);
  if (start_ns <= newest->second) return;
  newest->second = start_ns;
  window_ns_ = window_ns;
  ++windows_;
  const std::uint64_t end = start_ns + window_ns;
  counts_.resize(KP_HIST_BUCKETS);
  ++counts_[kp_hist_bucket(now_ns > end ? now_ns - end : 0)];
}

std::uint64_t LatencyTracker::newest_common() const noexcept {
  const auto lowest = std::ranges::min_element(newest_, {}, [](const auto& entry) { return entry.second; });
  return lowest == newest_.end() ? 0 : lowest->second;
}

std::uint64_t LatencyTracker::quantile(double q) const {
  std::vector<Bucket> buckets;
  for (std::uint32_t index = 0; index < counts_.size(); ++index) {
    if (counts_[index] > 0) buckets.push_back({.index = index, .count = counts_[index]});
  }
  return kpulse::quantile(buckets, q);
}

}  // namespace kpulse::cli
