#include "model/histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "abi/histogram.h"

namespace kpulse {

std::uint64_t count_of(std::span<const Bucket> buckets) noexcept {
  return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Bucket& bucket) { return sum + bucket.count; });
}

std::uint64_t quantile(std::span<const Bucket> buckets, double q) noexcept {
  const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_of(buckets))));
  std::uint64_t seen = 0;
  for (const Bucket& bucket : buckets) {
    seen += bucket.count;
    if (seen >= rank && seen > 0)
      return std::midpoint(kp_hist_lower(bucket.index), kp_hist_lower(bucket.index + 1) - 1);
  }
  return 0;
}

std::uint64_t upper_bound_of(std::span<const Bucket> buckets) noexcept {
  return buckets.empty() ? 0 : kp_hist_lower(buckets.back().index + 1) - 1;
}

}  // namespace kpulse
