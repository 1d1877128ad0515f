// Reads a BPF ring buffer within a budget.
#pragma once

#include <bpf/libbpf.h>

#include <cstddef>
#include <functional>
#include <span>

#include "base/handle.h"
#include "base/result.h"

namespace kpulse::bpf {

/// Consumer of one ring buffer map. The callback gets each record's bytes, which end with the call.
class Ring {
 public:
  using OnRecord = std::function<void(std::span<const std::byte>)>;

  [[nodiscard]] static Result<std::unique_ptr<Ring>> open(const bpf_map* map, OnRecord on_record);

  /// Hands over what is there, at most `budget` records: libbpf would go on for as long as data keeps coming.
  /// Returns how many it handed over.
  std::size_t consume(std::size_t budget) noexcept;

  /// Readable when a program asked for attention.
  [[nodiscard]] int fd() const noexcept { return ring_buffer__epoll_fd(ring_.get()); }

 private:
  explicit Ring(OnRecord on_record) : on_record_(std::move(on_record)) {}
  static int take(void* self, void* data, std::size_t size) noexcept;

  OnRecord on_record_;
  std::size_t left_ = 0;
  Handle<ring_buffer, ring_buffer__free> ring_;
};

}  // namespace kpulse::bpf
