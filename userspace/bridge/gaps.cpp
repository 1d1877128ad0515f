#include "bridge/gaps.h"

#include <algorithm>

namespace kpulse::bridge {

SequenceTracker::Seen SequenceTracker::see(std::uint64_t sequence, std::uint64_t& missing) {
  if (sequence < baseline_) return Seen::before_baseline;
  if (sequence < next_) {
    if (next_ - sequence > kReach) return see_old(missing);
    if (seen_.test(sequence % kReach)) return Seen::duplicate;
    seen_.set(sequence % kReach);
    --missing;
    return Seen::first;
  }
  const std::uint64_t skipped = sequence - next_;
  missing += skipped;
  // What leaves the bitmap's reach without having been seen stays missing, but is no longer known by number.
  const std::uint64_t leaving = std::min<std::uint64_t>(skipped + 1, kReach);
  for (std::uint64_t i = 0; i < leaving; ++i) {
    const std::uint64_t slot = next_ + i;
    if (slot >= baseline_ + kReach && !seen_.test(slot % kReach)) ++missing_beyond_;
    seen_.reset(slot % kReach);
  }
  if (skipped >= kReach) missing_beyond_ += skipped + 1 - kReach;
  seen_.set(sequence % kReach);
  next_ = sequence + 1;
  return Seen::first;
}

SequenceTracker::Seen SequenceTracker::see_old(std::uint64_t& missing) {
  if (missing_beyond_ == 0) return Seen::duplicate;
  --missing_beyond_;
  --missing;
  return Seen::first;
}

bool GapTracker::see(const std::string& host, std::uint64_t stream, std::uint64_t sequence) {
  auto found = hosts_.find(host);
  if (found == hosts_.end()) {
    if (hosts_.size() >= kMaxHosts) {
      ++stats_.untracked;
      return true;
    }
    found = hosts_.try_emplace(host).first;
  }
  const auto seen = tracker_of(found->second, stream, sequence).see(sequence, missing_);
  if (seen == SequenceTracker::Seen::duplicate) ++stats_.duplicate;
  stats_.missing = missing_;
  return seen != SequenceTracker::Seen::duplicate;
}

SequenceTracker& GapTracker::tracker_of(std::vector<Stream>& streams, std::uint64_t stream, std::uint64_t sequence) {
  const auto found = std::ranges::find(streams, stream, &Stream::id);
  if (found != streams.end()) return found->tracker;
  if (streams.size() >= kMaxStreams) streams.erase(std::ranges::min_element(streams, {}, &Stream::id));
  const std::uint64_t baseline = stream > start_ns_ ? 1 : sequence;
  return streams.emplace_back(Stream{.id = stream, .tracker = SequenceTracker(baseline)}).tracker;
}

}  // namespace kpulse::bridge
