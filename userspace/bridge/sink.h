// Where batches go. Each sink has a bounded queue and a thread of its own (SinkRunner), so none can hold up another.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "bridge/batch.h"

namespace kpulse::bridge {

/// Why lines did not reach a sink.
enum class Drop : std::uint8_t {
  queue_full,  ///< the sink was too slow or away for too long
  refused,     ///< the sink will never take them
  too_large,   ///< a single line that the sink finds too large
  shutdown,    ///< the bridge ended before the sink took them
};
inline constexpr std::size_t kDrops = 4;

[[nodiscard]] std::string_view to_string(Drop drop) noexcept;

/// What became of a batch's lines.
struct Delivery {
  std::uint64_t committed = 0;
  std::array<std::uint64_t, kDrops> dropped{};
};

class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  /// Returns when every line is committed or given up. Called by one thread, never with an empty batch.
  [[nodiscard]] virtual Delivery write(const Batch& batch) = 0;

  /// From now on what fails has failed for good. Any thread.
  virtual void hurry() {}
  /// Ends a write at once. Any thread.
  virtual void abort() {}
};

/// Counters since start; read from any thread.
struct SinkStats {
  std::atomic<std::uint64_t> batches{0};  ///< that the sink has dealt with
  std::atomic<std::uint64_t> lines_committed{0};
  std::atomic<std::uint64_t> frames_committed{0};  ///< whose last line was committed
  std::array<std::atomic<std::uint64_t>, kDrops> lines_dropped{};
};

}  // namespace kpulse::bridge
