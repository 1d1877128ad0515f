// Reads what a BPF program guards with a sequence counter (odd while it is changed).
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>

namespace kpulse::bpf {

/// Copies `from`, whose counter is `sequence`, to `to`. False when it was being changed all the time; `to` is then not
/// to be used. Never waits long: the writer is a few dozen instructions, unless the hypervisor took its CPU away.
template <class T>
[[nodiscard]] bool read_consistent(const T& from, const std::uint64_t& sequence, T& to) noexcept {
  const volatile std::uint64_t& counter = sequence;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::uint64_t before = counter;
    std::atomic_thread_fence(std::memory_order_acquire);
    if (before % 2 != 0) continue;
    std::memcpy(&to, &from, sizeof(T));
    std::atomic_thread_fence(std::memory_order_acquire);
    if (counter == before) return true;
  }
  return false;
}

}  // namespace kpulse::bpf
