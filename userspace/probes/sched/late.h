// What becomes known of the windows of one CPU after they were published. docs/adr/0011 has why.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "abi/sched.h"
#include "probes/probe.h"
#include "probes/sched/row.h"

namespace kpulse::probes {

/// Pure; one thread.
class LateWindows {
 public:
  /// So long after its end a window may still be said again.
  static constexpr std::uint64_t kPatienceNs = 1'000'000'000;

  /// A stream begins: windows are `length` ns long. What was missing in the one before is lost.
  void begin(std::uint64_t length);

  /// This window, and none after it, was published as absent.
  void on_absent(std::uint64_t window) { missing_.push_back(window); }

  /// Events of this window were published. It and what lies before it is not thought anew for a late one before it.
  void on_known(std::uint64_t window) { known_ = std::max(known_, window); }

  /// A window was published as absent that nothing can mend.
  void on_lost() { ++lost_; }

  /// These windows have been published. What is missing for too long is lost.
  void on_published(const WindowRange& windows);

  /// How a window was connected with the one before: what was missing between the two was quiet.
  void on_chain(const kp_sched_window& window);

  /// A window that had been published when this became known of it, closed or still open; ascending between two
  /// settle(). What was published after the last known window went on as the CPU did before; now it goes on as this one
  /// ended.
  void on_late(const kp_sched_window& window, const SchedRow& row);

  /// A window that was published, and not as absent, has to be said again for another reason; `row` is what is known of
  /// its events.
  void say_again(std::uint64_t window, const SchedRow& row);

  /// All that is known now has been told: the rows that have to be said again are complete.
  void settle() { say_tail(end_); }

  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  [[nodiscard]] std::uint64_t first() const { return rows_.begin()->first; }
  [[nodiscard]] std::uint64_t last() const { return rows_.rbegin()->first; }

  /// Hands over what has to be said of this window, once; nothing, when nothing. The row is valid until the next call.
  [[nodiscard]] std::optional<SchedRow> take(std::uint64_t window);

  /// Windows before this one are not said again.
  [[nodiscard]] std::uint64_t oldest() const noexcept { return end_ > patience_ ? end_ - patience_ : 0; }
  /// Windows that were published as absent, or not as they were, and will not be said again.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  /// Times that on_late() was called.
  [[nodiscard]] std::uint64_t late() const noexcept { return late_; }

 private:
  struct Said {
    SchedRow row;
    kp_sched_window record{};  ///< of a row with events
  };

  /// What the CPU has done since the last late window.
  struct Tail {
    std::uint64_t from = 0;  ///< first window after it; 0: no tail has to be said
    bool running = false;
    std::uint32_t runnable = 0;
  };

  void say(std::uint64_t window, const SchedRow& row);
  void say_tail(std::uint64_t end);

  std::uint64_t length_ = 0;
  std::uint64_t patience_ = 0;  // in windows
  std::uint64_t first_ = 0;     // of the stream
  std::uint64_t end_ = 0;       // windows before this one have been published
  std::uint64_t known_ = 0;     // the newest of them that had events
  std::deque<std::uint64_t> missing_;
  std::map<std::uint64_t, Said> rows_;
  Said taken_;
  Tail tail_;
  std::uint64_t lost_ = 0, late_ = 0;
};

}  // namespace kpulse::probes
