// Takes windows out of a ring of slots that BPF programs count in; the other half is bpf/lib/slot.bpf.h.
#pragma once

#include <linux/types.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace kpulse::bpf {

/// For how long a ring holds what was counted when the agent does not come to take it.
inline constexpr std::uint64_t kSlotsNs = 3'000'000'000;

/// How many slots a ring has for windows of this length: kp_slots of the programs.
[[nodiscard]] constexpr std::uint32_t window_slots(std::uint64_t window_ns) noexcept {
  constexpr std::uint64_t kLeast = 512;
  return static_cast<std::uint32_t>(std::bit_ceil(std::max(kLeast, kSlotsNs / window_ns + 1)));
}

/// `Slot` is a plain structure whose first member is `__u64 window`: the window it belongs to, 0 when it is free. One
/// thread takes, any number of CPUs count.
template <class Slot>
class WindowSlots {
 public:
  /// The ring; it outlives this. Window n has slot n modulo its size.
  explicit WindowSlots(std::span<Slot> ring) noexcept : ring_(ring) {}

  /// Calls take(window, const Slot&) for every window before `end` that has counts and was not taken before, ascending,
  /// and frees the slots. All these windows are over, a grace period ago. After more than a round the windows of the
  /// first one are there; of the later ones those that found their slot free: for the others programs count the events
  /// as dropped.
  template <class Take>
  void take(std::uint64_t end, Take take) {
    const std::uint64_t oldest = end > ring_.size() ? end - ring_.size() : 0;
    if (taken_ < oldest) take_overdue(oldest, take);
    for (std::uint64_t window = std::max(taken_, oldest); window < end; ++window) take_one(window, take);
    taken_ = std::max(taken_, end);
    look_again();
  }

  /// A new numbering begins: what was counted under the old one is forgotten.
  void reset() {
    for (Slot& slot : ring_) release(slot);
    taken_ = looked_again_ = 0;
  }

  /// Windows that events still counted in after they had been taken.
  [[nodiscard]] std::uint64_t late() const noexcept { return late_; }

 private:
  /// So many windows later a slot is looked at again: an event that was held up for longer than the grace period must
  /// not keep it from the window that needs it next.
  static constexpr std::uint64_t kSecondLook = 64;

  static std::uint64_t owner(const Slot& slot) noexcept { return *const_cast<const volatile __u64*>(&slot.window); }

  static void release(Slot& slot) noexcept {
    std::memset(reinterpret_cast<std::byte*>(&slot) + sizeof(slot.window), 0, sizeof(Slot) - sizeof(slot.window));
    std::atomic_thread_fence(std::memory_order_release);
    *const_cast<volatile __u64*>(&slot.window) = 0;
  }

  Slot& slot_of(std::uint64_t window) noexcept { return ring_[window % ring_.size()]; }

  template <class Take>
  void take_overdue(std::uint64_t end, Take& take) {
    std::vector<Slot*> overdue;
    for (Slot& slot : ring_) {
      if (owner(slot) != 0 && owner(slot) >= taken_ && owner(slot) < end) overdue.push_back(&slot);
    }
    std::ranges::sort(overdue, {}, [](const Slot* slot) { return owner(*slot); });
    for (Slot* slot : overdue) {
      const Slot copy = *slot;
      take(copy.window, copy);
      release(*slot);
    }
  }

  template <class Take>
  void take_one(std::uint64_t window, Take& take) {
    Slot& slot = slot_of(window);
    const std::uint64_t held = owner(slot);
    if (held == 0 || held > window) return;
    if (held == window) {
      const Slot copy = slot;
      take(window, copy);
    } else {
      ++late_;
    }
    release(slot);
  }

  void look_again() {
    const std::uint64_t end = taken_ > kSecondLook ? taken_ - kSecondLook : 0;
    const std::uint64_t oldest = taken_ > ring_.size() ? taken_ - ring_.size() : 0;
    for (std::uint64_t window = std::max(looked_again_, oldest); window < end; ++window) {
      Slot& slot = slot_of(window);
      if (owner(slot) == 0 || owner(slot) > window) continue;
      ++late_;
      release(slot);
    }
    looked_again_ = std::max(looked_again_, end);
  }

  std::span<Slot> ring_;
  std::uint64_t taken_ = 0;         // windows before this one have been taken
  std::uint64_t looked_again_ = 0;  // and before this one been looked at twice
  std::uint64_t late_ = 0;
};

}  // namespace kpulse::bpf
