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

std::span<kp_block_slot> BlockSlots::ring(std::uint32_t series) const {
  return slots_.subspan(std::size_t{series} << bits_, std::size_t{1} << bits_);
}

void BlockSlots::reset(std::uint32_t bits) {
  late_ = late();
  bits_ = bits;
  series_.clear();
  for (std::uint32_t series = 0; series < slots_.size() >> bits; ++series) {
    series_.emplace_back(ring(series));
    series_.back().reset();
  }
  taken_ = 0;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> BlockSlots::take(std::uint64_t end, const Take& take) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> lost;
  if (end <= taken_) return lost;
  for (std::uint32_t series = 0; series < series_.size(); ++series) {
    series_[series].take(end, [&](std::uint64_t, const kp_block_slot& slot) { take(series, slot); });
  }
  const std::uint64_t size = std::uint64_t{1} << bits_;
  if (taken_ != 0 && end - taken_ > size) {  // the old ones were overtaken, the young ones found no free slot
    lost = {{taken_, end - size}, {taken_ + size, end}};
  }
  taken_ = end;
  return lost;
}

bool BlockSlots::quiet_since(std::uint32_t series, std::uint64_t first) const {
  return std::ranges::none_of(ring(series), [first](const kp_block_slot& slot) {
    return *const_cast<const volatile __u64*>(&slot.window) >= first;
  });
}

std::uint64_t BlockSlots::late() const noexcept {
  return std::accumulate(series_.begin(), series_.end(), late_,
                         [](std::uint64_t sum, const auto& ring) { return sum + ring.late(); });
}

}  // namespace kpulse::probes
