#include "influx/octaves.h"

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

OctaveTable::OctaveTable() : octaves_{} {
  for (std::uint32_t bucket = 0; bucket < KP_HIST_BUCKETS; ++bucket) {
    octaves_[bucket] = static_cast<std::uint8_t>(octave_of(bucket));
  }
}

void OctaveTable::add(std::string_view key, const Series& series, std::span<const Bucket> buckets) {
  if (buckets.empty()) return;
  auto found = table_.find(key);
  if (found == table_.end()) found = table_.try_emplace(std::string(key)).first;
  Sums& sums = found->second;
  if (sums.first == nullptr) {
    sums.first = &series;
    used_.push_back(&sums);
  }
  for (const Bucket& bucket : buckets) {
    std::uint64_t& count = sums.counts[octaves_[bucket.index]];
    count = add_up_to_limit(count, bucket.count);
  }
}

}  // namespace kpulse::influx
