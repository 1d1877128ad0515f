// Which 10 s buckets of time have received data since they were last summed up. Pure: the caller brings the clocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace kpulse::influx {

/// Bounded set of buckets. A bucket is due once it is over and nothing was written to it for kQuietNs; data that comes
/// later makes it due again.
class DirtyBuckets {
 public:
  static constexpr std::uint64_t kQuietNs = 2'000'000'000;
  static constexpr std::size_t kMaxBuckets = 4096;  ///< 11 hours

  /// Something was committed at times from `first_ns` to `last_ns` since 1970; `mono_ns` is now. When there are too
  /// many buckets, the latest ones go: only a wrong clock makes so many. Returns how many went.
  std::size_t touch(std::uint64_t first_ns, std::uint64_t last_ns, std::uint64_t mono_ns);

  /// Takes the oldest bucket that is due: its begin in ns since 1970.
  [[nodiscard]] std::optional<std::uint64_t> take_due(std::uint64_t wall_ns, std::uint64_t mono_ns);

  [[nodiscard]] std::size_t size() const noexcept { return touched_.size(); }

 private:
  std::map<std::uint64_t, std::uint64_t> touched_;  ///< bucket number -> when it was last written to
};

}  // namespace kpulse::influx
