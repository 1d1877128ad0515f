// What travels from the worker to the sinks: lines, and what has to be known once they are committed.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "influx/line_buffer.h"

namespace kpulse::bridge {

struct Batch {
  influx::LineBuffer text;
  std::uint64_t frames = 0;             ///< frames whose last line is in here
  std::set<std::uint64_t> ten_seconds;  ///< numbers of the 10 s since 1970 that lines lie in

  void note_time(std::uint64_t first_ns, std::uint64_t last_ns);
  void clear();
};

/// Hands out empty batches whose memory has been used before, and takes them back when the last sink lets go. Any
/// thread.
class BatchPool : public std::enable_shared_from_this<BatchPool> {
 public:
  [[nodiscard]] std::shared_ptr<Batch> take();

 private:
  static constexpr std::size_t kMaxFree = 4;

  void give_back(std::unique_ptr<Batch> batch);

  std::mutex mutex_;
  std::vector<std::unique_ptr<Batch>> free_;
};

}  // namespace kpulse::bridge
