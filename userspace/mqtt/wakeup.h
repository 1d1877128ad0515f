// Wakes a thread that sleeps in poll().
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "base/handle.h"

namespace kpulse::mqtt {

/// signal() from any thread; the rest from the thread that polls. Many signals before a clear() cost one write.
class Wakeup {
 public:
  Wakeup() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  void signal() noexcept {
    if (pending_.exchange(true)) return;
    const std::uint64_t one = 1;
    // It can only fail when the counter is full, and then the thread is awake.
    [[maybe_unused]] const auto written = write(fd_.get(), &one, sizeof one);
  }

  /// Call before looking at what was signalled, so that nothing that comes later is missed.
  void clear() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto taken = read(fd_.get(), &count, sizeof count);
    pending_.store(false);
  }

 private:
  FileDescriptor fd_;
  std::atomic<bool> pending_{false};
};

}  // namespace kpulse::mqtt
