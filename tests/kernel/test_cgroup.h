// A cgroup of the test's own, in the hierarchy that kpulse watches and in those that account and share CPU time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace kpulse::test {

/// Made at once, removed at the end of its scope (or by remove()). All members throw std::runtime_error when the kernel
/// refuses.
class TestCgroup {
 public:
  explicit TestCgroup(const std::string& name);
  TestCgroup(TestCgroup&& other) noexcept;
  TestCgroup(const TestCgroup&) = delete;
  TestCgroup& operator=(const TestCgroup&) = delete;
  TestCgroup& operator=(TestCgroup&&) = delete;
  ~TestCgroup();

  /// Moves a process into it; 0: the calling one.
  void join(pid_t pid = 0) const;
  /// Share of the CPU relative to others (cpu.shares or cpu.weight); false when this machine has no cpu controller.
  bool set_shares(int shares) const;
  /// All its tasks together get so much CPU time in each period of 100 ms; false when this machine has no cpu
  /// controller.
  bool set_quota_us(int quota) const;
  /// Lets its tasks be real-time ones, where the kernel wants to be asked (cpu.rt_runtime_us, CONFIG_RT_GROUP_SCHED).
  void allow_real_time() const;
  /// CPU time of all its tasks so far, in ns, as the kernel accounts it for the cgroup.
  [[nodiscard]] std::uint64_t cpu_ns() const;
  /// For how long its quota has held its tasks so far, in ns, all CPUs together.
  [[nodiscard]] std::uint64_t throttled_ns() const;
  /// As its account says it: cpu.stat is cut off to microseconds.
  [[nodiscard]] std::uint64_t as_accounted(std::uint64_t cpu_ns) const;
  /// Waits until no task is in it and removes it.
  void remove();

  /// Its path in the watched hierarchy, as kpulse names it.
  [[nodiscard]] std::string path() const { return "/" + name_; }

 private:
  std::string name_;
  std::vector<std::string> folders_;
};

/// A name that no other test process uses.
[[nodiscard]] std::string name_of(const std::string& what, int number);

/// Empty when TestCgroup works here; else what is missing.
[[nodiscard]] std::string missing_for_cgroups();

}  // namespace kpulse::test
