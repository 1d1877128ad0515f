// Arithmetic of the times of I/Os. Buckets are 32 bits wide and wrap; so do sums and differences.
#pragma once

#include <algorithm>
#include <functional>
#include <span>

#include "abi/block.h"

namespace kpulse::probes {

/// Joins every number of `to` with the one of `other`.
template <class Join>
void join_times(kp_block_times& to, const kp_block_times& other, Join join) {
  const auto each = [&](std::span<__u32> left, std::span<const __u32> right) {
    std::ranges::transform(left, right, left.begin(), join);
  };
  to.queue_sum = join(to.queue_sum, other.queue_sum);
  to.device_sum = join(to.device_sum, other.device_sum);
  each(to.queue, other.queue);
  each(to.device, other.device);
  each(to.total, other.total);
}

inline void add(kp_block_times& to, const kp_block_times& other) {
  join_times(to, other, std::plus());
}

[[nodiscard]] inline kp_block_times difference(const kp_block_times& before, const kp_block_times& now) {
  kp_block_times result = now;
  join_times(result, before, std::minus());
  return result;
}

}  // namespace kpulse::probes
