#include "influx/octaves.h"

#include <fmt/format.h>

#include <limits>

namespace kpulse::influx {
namespace {

std::uint64_t add_up_to_limit(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::uint64_t>::max() : sum;
}

}  // namespace

std::size_t octave_of(std::uint32_t bucket) noexcept {
  const std::uint64_t lower = kp_hist_lower(bucket);
  return lower == 0 ? 0 : kp_log2(lower) + 1U;
}

OctaveTable::OctaveTable() {
  for (std::size_t octave = 0; octave < kOctaves; ++octave) {
    edges_[octave].assign(fmt::format(",le={}", std::uint64_t{1} << octave));
  }
}

void OctaveTable::add(std::string_view before_le, std::string_view after_le, std::span<const Bucket> buckets) {
  key_.assign(before_le).append(after_le);
  Sums& sums = table_[key_];
  sums.split = before_le.size();
  for (const Bucket& bucket : buckets) {
    std::uint64_t& count = sums.counts[octave_of(bucket.index)];
    count = add_up_to_limit(count, bucket.count);
  }
}

}  // namespace kpulse::influx
