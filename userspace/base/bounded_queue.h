// The one queue between two threads: bounded in bytes, keeps the newest, counts what it discards.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace kpulse {

/// FIFO of items with a size in bytes each. When an item does not fit, the oldest ones are discarded until it does; an
/// item larger than the bound is itself discarded. All members are safe from any thread and never wait for room.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Appends; returns how many items were discarded to stay within the bound.
  std::size_t push(T item, std::size_t bytes) {
    std::size_t discarded = 0;
    {
      const std::lock_guard lock(mutex_);
      if (bytes > max_bytes_) {
        ++discarded_;
        return 1;
      }
      while (bytes_ + bytes > max_bytes_) {
        bytes_ -= items_.front().bytes;
        items_.pop_front();
        ++discarded;
      }
      discarded_ += discarded;
      bytes_ += bytes;
      items_.push_back({std::move(item), bytes});
    }
    ready_.notify_one();
    return discarded;
  }

  /// The oldest item, or nothing when there is none.
  std::optional<T> try_pop() {
    const std::lock_guard lock(mutex_);
    return take();
  }

  /// The oldest item; waits for one until the time is over or the queue is closed.
  template <class Rep, class Period>
  std::optional<T> pop_for(std::chrono::duration<Rep, Period> time) {
    std::unique_lock lock(mutex_);
    ready_.wait_for(lock, time, [this] { return closed_ || !items_.empty(); });
    return take();
  }

  /// Wakes who waits; what is queued can still be popped.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
  }

  [[nodiscard]] bool closed() const {
    return locked([this] { return closed_; });
  }
  [[nodiscard]] std::size_t size() const {
    return locked([this] { return items_.size(); });
  }
  [[nodiscard]] std::size_t bytes() const {
    return locked([this] { return bytes_; });
  }
  [[nodiscard]] std::uint64_t discarded() const {
    return locked([this] { return discarded_; });
  }

 private:
  struct Entry {
    T item;
    std::size_t bytes;
  };

  template <class Read>
  auto locked(Read read) const {
    const std::lock_guard lock(mutex_);
    return read();
  }

  std::optional<T> take() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front().item));
    bytes_ -= items_.front().bytes;
    items_.pop_front();
    return item;
  }

  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Entry> items_;
  std::size_t bytes_ = 0;
  std::uint64_t discarded_ = 0;
  bool closed_ = false;
};

}  // namespace kpulse
