// The windows of all series, taken out of the kernel's slots.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "abi/block.h"
#include "bpf/window_slots.h"

namespace kpulse::probes {

/// One thread.
class BlockSlots {
 public:
  using TakeEntry = std::function<void(std::uint32_t series, const kp_block_entry& slot)>;
  using TakeExit = std::function<void(std::uint32_t series, const kp_block_exit& slot)>;

  /// As many of one as of the other.
  BlockSlots(std::span<kp_block_entry> entries, std::span<kp_block_exit> exits) noexcept
      : entries_(entries), exits_(exits) {}

  /// Slots per series for windows of this length, as a power of two. Short windows need more of them, because the agent
  /// may be late by a time, not by a number of windows.
  [[nodiscard]] static std::uint32_t ring_bits(std::uint64_t window_ns) noexcept;

  /// A new numbering begins, and every series has 2^bits slots from now on; all are freed.
  void reset(std::uint32_t bits);

  /// Something may be counted in the series from now on. Those of which this was never said are not looked at: most
  /// machines use few.
  void use(std::uint32_t series) { used_.at(series) = true; }

  /// Hands over what was counted in windows before `end`, by series and ascending. Returns the windows [first, second)
  /// in which events may not have been counted because the last call was too long ago; none when they are the same.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> take(std::uint64_t end, const TakeEntry& take_entry,
                                                             const TakeExit& take_exit);

  [[nodiscard]] std::uint64_t late() const noexcept;

 private:
  /// What belongs to one series.
  struct Rings {
    bpf::WindowSlots<kp_block_entry> entries;
    bpf::WindowSlots<kp_block_exit> exits;
  };

  std::span<kp_block_entry> entries_;
  std::span<kp_block_exit> exits_;
  std::uint32_t bits_ = KP_BLOCK_RING_BITS_MIN;
  std::vector<Rings> series_;
  std::array<bool, KP_BLOCK_SERIES> used_{};
  std::uint64_t taken_ = 0;  // windows before this one have been taken
  std::uint64_t late_ = 0;   // of rings that are no longer
};

}  // namespace kpulse::probes
