// Reads what a BPF iterator writes: one struct for each object that it visits.
#pragma once

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <vector>

#include "base/handle.h"

namespace kpulse::bpf {

/// Runs the iterator of a link once and puts all that it writes into `out`. False when it could not be read to its end
/// or wrote more than `most` structs.
template <class T>
[[nodiscard]] bool read_iterator(int link, std::vector<T>& out, std::size_t most) {
  constexpr std::size_t kChunk = 512;  // what one read() may return
  out.clear();
  const FileDescriptor iterator(bpf_iter_create(link));
  if (iterator.get() < 0) return false;
  std::size_t bytes = 0;
  for (;;) {
    out.resize(bytes / sizeof(T) + kChunk);
    const std::span<std::byte> room = std::as_writable_bytes(std::span(out)).subspan(bytes);
    const ssize_t got = read(iterator.get(), room.data(), room.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0 || out.size() > most + kChunk) return false;
    if (got == 0) break;
    bytes += static_cast<std::size_t>(got);
  }
  out.resize(bytes / sizeof(T));
  return true;
}

}  // namespace kpulse::bpf
