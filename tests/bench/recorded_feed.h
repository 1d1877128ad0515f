// Frames as agents publish them, any number of them: a recording of the kernel's side, replayed for many hosts with
// sequence and window numbers that go on.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/frame.h"

namespace kpulse::bench {

struct FeedOptions {
  std::string prefix = "bench";    ///< hosts are called <prefix>-0, <prefix>-1, ...
  std::uint64_t hosts = 20;        ///< frames go round them
  std::uint64_t frames = 1000;     ///< of all hosts together
  std::uint64_t lines = 0;         ///< when not 0: as many frames as make at least so many lines
  std::uint64_t first_window = 0;  ///< of every host; 0: so that the last window has just ended
  std::uint64_t stream = 1;
};

class RecordedFeed {
 public:
  /// Throws when the recording cannot be read or holds no whole frame.
  RecordedFeed(const std::string& recording, FeedOptions options);

  [[nodiscard]] std::uint64_t frames() const noexcept { return options_.frames; }
  [[nodiscard]] const FeedOptions& options() const noexcept { return options_; }

  /// Frame number `index` of the feed; the reference is valid until the next call.
  [[nodiscard]] const Frame& frame(std::uint64_t index);

  /// How many lines of which measurement the feed comes to in the database.
  [[nodiscard]] std::map<std::string, std::uint64_t> lines() const;

 private:
  [[nodiscard]] std::size_t which(std::uint64_t index) const noexcept;
  void set_frames();
  void set_first_window();

  FeedOptions options_;
  std::vector<Frame> recorded_;                                 ///< the whole frames of the recording
  std::vector<std::map<std::string, std::uint64_t>> lines_of_;  ///< lines of each, by measurement
};

}  // namespace kpulse::bench
