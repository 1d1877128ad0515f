// A cgroup of the test's own that the memory controller accounts, v1 or v2, and that kpulse watches.
#pragma once

#include <cstdint>
#include <string>

#include "kernel/test_cgroup.h"

namespace kpulse::test {

/// Made at once, removed at the end of its scope. Throws std::runtime_error when the kernel refuses.
class MemoryCgroup {
 public:
  /// `limit` in bytes; 0: none.
  explicit MemoryCgroup(const std::string& name, std::uint64_t limit = 0);
  MemoryCgroup(const MemoryCgroup&) = delete;
  MemoryCgroup& operator=(const MemoryCgroup&) = delete;
  ~MemoryCgroup();

  /// Moves the calling process into it.
  void join() const;
  /// Number after `key` in its memory.stat.
  [[nodiscard]] std::uint64_t stat(const std::string& key) const;
  /// Id of the watched cgroup, as the kernel has it.
  [[nodiscard]] std::uint64_t id() const;
  /// Its path in the watched hierarchy, as kpulse names it.
  [[nodiscard]] std::string path() const { return watched_.path(); }

 private:
  void write(const char* file, const std::string& text) const;

  TestCgroup watched_;
  std::string folder_;  // where the memory controller has it
};

/// Empty when MemoryCgroup works here; else what is missing.
[[nodiscard]] std::string missing_for_memcg();

}  // namespace kpulse::test
