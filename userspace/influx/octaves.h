// Rows by `le` for heatmaps: one histogram summed over the CPUs of a frame, one row per octave in which something
// happened.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "abi/histogram.h"
#include "model/frame.h"

namespace kpulse::influx {

/// Octave n holds values below 2^n that octave n - 1 does not.
inline constexpr std::size_t kOctaves = KP_HIST_OCTAVES + 1;

[[nodiscard]] std::size_t octave_of(std::uint32_t bucket) noexcept;

class OctaveTable {
 public:
  using Counts = std::array<std::uint64_t, kOctaves>;

  OctaveTable();

  /// Adds to the sums called `key`. `series` is the one that the buckets are of; it must stay until drain().
  void add(std::string_view key, const Series& series, std::span<const Bucket> buckets);

  /// Calls `rows(first series, its sums)` for every key added to, then forgets the sums.
  template <class Rows>
  void drain(Rows rows) {
    for (auto sums = used_.rbegin(); sums != used_.rend(); ++sums) {
      rows(*(*sums)->first, std::as_const((*sums)->counts));
      **sums = {};
    }
    used_.clear();
    if (table_.size() > kMaxKept) table_.clear();
  }

 private:
  static constexpr std::size_t kMaxKept = 1024;

  struct Sums {
    const Series* first = nullptr;
    Counts counts{};
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  std::array<std::uint8_t, KP_HIST_BUCKETS> octaves_;                   ///< by bucket
  std::unordered_map<std::string, Sums, Hash, std::equal_to<>> table_;  ///< keys stay: frames have the same ones
  std::vector<Sums*> used_;
};

}  // namespace kpulse::influx
