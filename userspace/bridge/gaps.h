// Which frames of a stream never came, and which came twice, whatever the order they come in.
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace kpulse::bridge {

/// Counters since start; read from any thread.
struct GapStats {
  std::atomic<std::uint64_t> missing{0};  ///< skipped and not seen since; falls when one comes late
  std::atomic<std::uint64_t> duplicate{0};
  std::atomic<std::uint64_t> untracked{0};  ///< frames of hosts past the bound
};

/// Sequence numbers of one stream: exact while a frame is not overtaken by more than kReach others.
class SequenceTracker {
 public:
  static constexpr std::size_t kReach = 1024;
  enum class Seen { first, duplicate, before_baseline };

  /// Numbers below `baseline` are not expected.
  explicit SequenceTracker(std::uint64_t baseline) : baseline_(baseline), next_(baseline) {}

  /// `missing` is changed by what this number leaves out or fills.
  Seen see(std::uint64_t sequence, std::uint64_t& missing);

 private:
  Seen see_old(std::uint64_t& missing);

  std::uint64_t baseline_;
  std::uint64_t next_;                ///< one past the highest number seen
  std::uint64_t missing_beyond_ = 0;  ///< missing ones that are out of the bitmap's reach
  std::bitset<kReach> seen_;          ///< number n at n % kReach, for the kReach numbers below next_
};

/// All streams of all hosts, both bounded. One thread.
class GapTracker {
 public:
  static constexpr std::size_t kMaxHosts = 10'000;
  static constexpr std::size_t kMaxStreams = 4;  ///< per host; the oldest go

  /// Streams that began (their id, ns since 1970) after `start_ns` are expected from number 1 on, older ones from the
  /// first seen.
  explicit GapTracker(std::uint64_t start_ns) : start_ns_(start_ns) {}

  /// True when the frame was not seen before, as far as is known.
  bool see(const std::string& host, std::uint64_t stream, std::uint64_t sequence);

  [[nodiscard]] const GapStats& stats() const noexcept { return stats_; }

 private:
  struct Stream {
    std::uint64_t id;
    SequenceTracker tracker;
  };

  SequenceTracker& tracker_of(std::vector<Stream>& streams, std::uint64_t stream, std::uint64_t sequence);

  const std::uint64_t start_ns_;
  std::unordered_map<std::string, std::vector<Stream>> hosts_;
  std::uint64_t missing_ = 0;
  GapStats stats_;
};

}  // namespace kpulse::bridge
