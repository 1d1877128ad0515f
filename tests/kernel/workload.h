// Children that cause what the tests look for, and say themselves what happened to them.
#pragma once

#include <sched.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>

namespace kpulse::test {

/// What a child knows of itself: /proc/self/schedstat and the wall clock, at begin and end of its work.
struct Account {
  std::uint64_t begin_wall = 0, end_wall = 0;
  std::uint64_t run_ns = 0;
  std::uint64_t wait_ns = 0;
  std::uint64_t marks[256] = {};  ///< whatever the work wants to tell; wall clock times by convention
  std::uint64_t mark_count = 0;
};

/// Memory that a child has in common with its parent.
template <class T>
class Shared {
 public:
  Shared() : memory_(mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::runtime_error("no shared memory");
    new (memory_) T{};
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { munmap(memory_, sizeof(T)); }

  T* operator->() const noexcept { return static_cast<T*>(memory_); }
  T& operator*() const noexcept { return *static_cast<T*>(memory_); }

 private:
  void* memory_;
};

struct ChildOptions {
  std::string name = "kp_child";  ///< comm
  int cpu = 0;                    ///< pinned to it
  int nice = 0;
};

/// A forked child. Killed and reaped at the end of its scope.
class Child {
 public:
  /// Forks; the child pins and names itself and then runs `work` with its account. It begins when told to, or at once.
  Child(const ChildOptions& options, const std::function<void(Account&)>& work);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] bool finished();
  /// Valid once it has finished.
  [[nodiscard]] const Account& account() const noexcept { return *account_; }

 private:
  pid_t pid_ = -1;
  bool reaped_ = false;
  Shared<Account> account_;
};

/// Pins the calling thread to a CPU as long as it lives.
class PinnedTo {
 public:
  explicit PinnedTo(int cpu);
  PinnedTo(const PinnedTo&) = delete;
  PinnedTo& operator=(const PinnedTo&) = delete;
  ~PinnedTo();

 private:
  cpu_set_t before_{};
};

/// Switches a CPU off; it is on again at the end of its scope. Only for machines of the test's own (emulated()).
class Offline {
 public:
  explicit Offline(int cpu);
  Offline(const Offline&) = delete;
  Offline& operator=(const Offline&) = delete;
  ~Offline();
  void end() const;

 private:
  void write(const char* what) const;

  std::string path_;
};

/// Gives the calling thread the policy SCHED_FIFO; a child that is refused it exits with 93.
void become_real_time(int priority);

/// Burns CPU until the wall clock says so.
void spin_until(std::uint64_t wall);

/// Sleeps until the wall clock says so.
void sleep_until(std::uint64_t wall);

/// Two processes that hand a byte to and fro as long as `goes_on` says so: two switches a round, and a pause after
/// each.
void ping_pong(const std::function<bool()>& goes_on, std::chrono::microseconds pause = {});
/// The same until the wall clock says so.
void ping_pong(std::uint64_t until, std::chrono::microseconds pause = {});

/// Lets the calling thread run on every CPU.
void allow_all_cpus();

/// How far a value is off, as a part of the truth.
[[nodiscard]] double relative_error(std::uint64_t value, std::uint64_t truth);

/// How long the calling thread has run and how long it has waited in a run queue so far (/proc/thread-self/schedstat),
/// ns.
[[nodiscard]] std::uint64_t own_run_ns();
[[nodiscard]] std::uint64_t own_wait_ns();

/// Number after `key` in /proc/stat, or one further on in its line: of "cpu", "cpu0", ... 3 is idle, 4 iowait, 7 steal.
[[nodiscard]] std::uint64_t proc_stat(const std::string& key, int further = 0);

/// Whether this machine is emulated (tests/vm): its processors stop for a while now and then, in the middle of
/// anything.
[[nodiscard]] bool emulated();

/// What is awaited for so long will never come. No assertion about time: how fast a machine is that others use as well
/// is in nobody's hands. (An emulated machine that hangs is ended by tests/vm/patience.py.)
[[nodiscard]] std::uint64_t patience_ns();

/// For SamplerOptions: so that nothing is late that a stopped processor had in hand. Elsewhere what the agent uses.
[[nodiscard]] std::uint64_t grace_ns();

/// The CPU that tests pin their load to: the last one this process may use.
[[nodiscard]] int test_cpu();

}  // namespace kpulse::test
