// Rows by `le` for heatmaps: one histogram summed over the CPUs of a frame, one row per octave in which something
// happened.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "abi/histogram.h"
#include "influx/line_buffer.h"
#include "model/frame.h"

namespace kpulse::influx {

/// Octave n holds values below 2^n that octave n - 1 does not.
inline constexpr std::size_t kOctaves = KP_HIST_OCTAVES + 1;

[[nodiscard]] std::size_t octave_of(std::uint32_t bucket) noexcept;

class OctaveTable {
 public:
  OctaveTable();

  /// Adds to the histogram of `series`: its measurement and the tags that stay, up to where `le` goes in, as two parts.
  void add(std::string_view before_le, std::string_view after_le, std::span<const Bucket> buckets);

  /// Calls `line(before_le, octave's le tag, after_le, count)` for every octave with a count, then forgets everything.
  template <class Line>
  void drain(Line line) {
    for (auto& [key, sums] : table_) {
      const std::string_view before(key.data(), sums.split);
      const std::string_view after(key.data() + sums.split, key.size() - sums.split);
      for (std::size_t octave = 0; octave < kOctaves; ++octave) {
        if (sums.counts[octave] > 0) line(before, edges_[octave].view(), after, sums.counts[octave]);
      }
    }
    table_.clear();
  }

 private:
  struct Sums {
    std::size_t split = 0;
    std::array<std::uint64_t, kOctaves> counts{};
  };

  std::array<Piece, kOctaves> edges_;  ///< ",le=4096"
  std::unordered_map<std::string, Sums> table_;
  std::string key_;
};

}  // namespace kpulse::influx
