#include "probes/block/slots.h"

#include <algorithm>
#include <numeric>

namespace kpulse::probes {
namespace {

constexpr std::uint64_t kShortWindowNs = 5'000'000;

}  // namespace

std::uint32_t BlockSlots::ring_bits(std::uint64_t window_ns) noexcept {
  return window_ns < kShortWindowNs ? KP_BLOCK_RING_BITS_MAX : KP_BLOCK_RING_BITS_MIN;
}

void BlockSlots::reset(std::uint32_t bits) {
  late_ = late();
  bits_ = bits;
  series_.clear();
  const std::size_t length = std::size_t{1} << bits;
  for (std::size_t first = 0; first + length <= entries_.size(); first += length) {
    Rings& rings = series_.emplace_back(Rings{.entries = bpf::WindowSlots(entries_.subspan(first, length)),
                                              .exits = bpf::WindowSlots(exits_.subspan(first, length))});
    rings.entries.reset();
    rings.exits.reset();
  }
  taken_ = 0;
}

std::pair<std::uint64_t, std::uint64_t> BlockSlots::take(std::uint64_t end, const TakeEntry& take_entry,
                                                         const TakeExit& take_exit) {
  if (end <= taken_) return {end, end};
  for (std::uint32_t series = 0; series < series_.size(); ++series) {
    if (!used_[series]) continue;
    series_[series].entries.take(end, [&](std::uint64_t, const auto& slot) { take_entry(series, slot); });
    series_[series].exits.take(end, [&](std::uint64_t, const auto& slot) { take_exit(series, slot); });
  }
  // After a round a window found its slot free only if nothing had been counted in it in the round before.
  const std::uint64_t round = taken_ == 0 ? end : std::min(taken_ + (std::uint64_t{1} << bits_), end);
  taken_ = end;
  return {round, end};
}

std::uint64_t BlockSlots::late() const noexcept {
  return std::accumulate(series_.begin(), series_.end(), late_, [](std::uint64_t sum, const auto& rings) {
    return sum + rings.entries.late() + rings.exits.late();
  });
}

}  // namespace kpulse::probes
