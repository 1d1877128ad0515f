// A BPF array map (BPF_F_MMAPABLE) in this process's memory: read without a system call.
#pragma once

#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "base/result.h"

namespace kpulse::bpf {

/// Whether this process may change the values, too.
enum class Access { read, write };

/// View of an array map's values. The kernel keeps changing them; who needs more than one word at a time has
/// to follow the map's own protocol.
template <class T>
class MappedArray {
 public:
  static_assert(sizeof(T) % 8 == 0, "the kernel rounds values up to 8 bytes");

  [[nodiscard]] static Result<MappedArray> map(const bpf_map* array, Access access = Access::read) {
    const std::size_t count = bpf_map__max_entries(array);
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = (count * sizeof(T) + page - 1) / page * page;
    void* memory = mmap(nullptr, bytes, access == Access::write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
                        bpf_map__fd(array), 0);
    if (memory == MAP_FAILED)
      return fail(std::string("cannot map ") + bpf_map__name(array) + ": " + std::strerror(errno));
    return MappedArray(static_cast<T*>(memory), count, bytes);
  }

  MappedArray() noexcept = default;
  MappedArray(MappedArray&& other) noexcept { *this = std::move(other); }
  MappedArray& operator=(MappedArray&& other) noexcept {
    std::swap(values_, other.values_);
    std::swap(count_, other.count_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  MappedArray(const MappedArray&) = delete;
  MappedArray& operator=(const MappedArray&) = delete;
  ~MappedArray() {
    if (values_ != nullptr) munmap(values_, bytes_);
  }

  [[nodiscard]] std::span<const T> values() const noexcept { return {values_, count_}; }
  /// Only of an array that was mapped for writing.
  [[nodiscard]] std::span<T> writable() noexcept { return {values_, count_}; }

 private:
  MappedArray(T* values, std::size_t count, std::size_t bytes) noexcept
      : values_(values), count_(count), bytes_(bytes) {}

  T* values_ = nullptr;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace kpulse::bpf
