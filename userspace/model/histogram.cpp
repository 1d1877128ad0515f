#include "model/histogram.h"

#include <algorithm>
#include <numeric>

#include "abi/histogram.h"

namespace kpulse {
namespace {

/// ceil(q * count); std::ceil is a call on CPUs that are not known to have the instruction.
std::uint64_t rank_of(double q, std::uint64_t count) noexcept {
  const double exact = q * static_cast<double>(count);
  const auto whole = static_cast<std::uint64_t>(exact);
  return whole + (static_cast<double>(whole) < exact ? 1U : 0U);
}

}  // namespace

std::uint64_t count_of(std::span<const Bucket> buckets) noexcept {
  return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Bucket& bucket) { return sum + bucket.count; });
}

std::uint64_t quantile(std::span<const Bucket> buckets, double q) noexcept {
  std::uint64_t value = 0;
  quantiles(buckets, count_of(buckets), {&q, 1}, {&value, 1});
  return value;
}

void quantiles(std::span<const Bucket> buckets, std::uint64_t count, std::span<const double> qs,
               std::span<std::uint64_t> out) noexcept {
  std::ranges::fill(out, 0);
  auto bucket = buckets.begin();
  std::uint64_t before = 0;  // values in the buckets before this one
  for (std::size_t i = 0; i < qs.size() && count > 0; ++i) {
    const std::uint64_t rank = std::max<std::uint64_t>(1, rank_of(qs[i], count));
    for (; bucket != buckets.end() && before + bucket->count < rank; ++bucket) before += bucket->count;
    if (bucket == buckets.end()) return;
    out[i] = std::midpoint(kp_hist_lower(bucket->index), kp_hist_lower(bucket->index + 1) - 1);
  }
}

std::uint64_t upper_bound_of(std::span<const Bucket> buckets) noexcept {
  return buckets.empty() ? 0 : kp_hist_lower(buckets.back().index + 1) - 1;
}

}  // namespace kpulse
