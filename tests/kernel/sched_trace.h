// The scheduler's own trace of every switch, read into memory: who had which CPU when.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kpulse::test {

/// Traces sched_switch and sched_migrate_task in an instance of its own, from construction until stop(). Times are of
/// CLOCK_MONOTONIC, cut off to microseconds.
class SchedTrace {
 public:
  /// A task on a CPU; pid 0 is idle. The last one of a CPU has not ended.
  struct Stint {
    std::uint64_t from = 0;
    pid_t pid = 0;
    std::string comm;
  };
  /// Time that each task had, and in how many pieces.
  struct Share {
    std::uint64_t ns = 0, pieces = 0;
  };
  using Shares = std::map<pid_t, Share>;

  /// Throws std::runtime_error when the kernel does not let us.
  SchedTrace();
  SchedTrace(const SchedTrace&) = delete;
  SchedTrace& operator=(const SchedTrace&) = delete;
  ~SchedTrace();

  /// Ends the tracing and reads it. Throws std::runtime_error when events were lost.
  void stop();

  /// When the task came to this CPU, at a time in [from, to), after a wait of this length: of several times the one
  /// that fits best. 0: it did not.
  [[nodiscard]] std::uint64_t arrival(int cpu, pid_t pid, std::uint64_t from, std::uint64_t to,
                                      std::uint64_t wait) const;
  /// A task waited in [from, to) and came to this CPU then: the CPU that it waited on longest.
  struct Piece {
    int cpu = 0;
    std::uint64_t from = 0, to = 0;
  };
  [[nodiscard]] Piece longest_piece(int cpu, pid_t pid, std::uint64_t from, std::uint64_t to) const;
  /// What each task had of a CPU in [from, to).
  [[nodiscard]] Shares shares(const Piece& piece) const;

 private:
  struct Move {
    std::uint64_t time = 0;
    int from_cpu = 0;
  };

  void take(const char* line);
  [[nodiscard]] std::uint64_t runnable_since(pid_t pid, std::uint64_t before) const;

  std::string folder_;
  std::map<int, std::vector<Stint>> stints_;
  std::map<pid_t, std::vector<Move>> moves_;
  std::map<pid_t, std::vector<std::uint64_t>> wakeups_;
};

}  // namespace kpulse::test
