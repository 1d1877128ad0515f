// How work that waits for others is told to end: first to hurry, then to give up.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace kpulse::influx {

/// All members are safe from any thread.
class Interrupt {
 public:
  /// No more waiting between attempts: what is under way may end, what fails now has failed for good.
  void hurry() { set(hurried_); }
  /// End at once.
  void abort() {
    set(aborted_);
    set(hurried_);
  }

  [[nodiscard]] bool hurried() const noexcept { return hurried_; }
  [[nodiscard]] bool aborted() const noexcept { return aborted_; }
  [[nodiscard]] const std::atomic<bool>& abort_flag() const noexcept { return aborted_; }

  /// Waits for the time to pass; returns true, and early, when there is hurry.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [this] { return hurried_.load(); });
  }

 private:
  void set(std::atomic<bool>& flag) {
    {
      const std::lock_guard lock(mutex_);
      flag = true;
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> hurried_{false};
  std::atomic<bool> aborted_{false};
};

}  // namespace kpulse::influx
