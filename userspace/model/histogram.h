// Quantiles of a sparse log-linear histogram.
#pragma once

#include <cstdint>
#include <span>

#include "model/frame.h"

namespace kpulse {

/// Number of recorded values.
[[nodiscard]] std::uint64_t count_of(std::span<const Bucket> buckets) noexcept;

/// Middle of the bucket that holds the q-quantile (0 < q <= 1); at most 6.25 % off. 0 when nothing was recorded.
[[nodiscard]] std::uint64_t quantile(std::span<const Bucket> buckets, double q) noexcept;

/// The same for several q, ascending, in one pass; `count` is count_of(buckets).
/// `out` has a place for each.
void quantiles(std::span<const Bucket> buckets, std::uint64_t count, std::span<const double> qs,
               std::span<std::uint64_t> out) noexcept;

/// Largest value that the highest used bucket can hold; at most 12.5 % above the largest recorded value.
[[nodiscard]] std::uint64_t upper_bound_of(std::span<const Bucket> buckets) noexcept;

}  // namespace kpulse
