// How a thread competes with the others for the CPUs.
#pragma once

#include <sys/types.h>

#include <string_view>

namespace kpulse {

enum class Priority {
  normal,
  raised,    ///< a better nice value: a larger share, but others still run meanwhile
  realtime,  ///< SCHED_RR 1: before every thread that is not real-time
};

/// "real-time priority (SCHED_RR 1)" and so on.
[[nodiscard]] std::string_view to_string(Priority priority) noexcept;

/// The nice value of a raised thread.
inline constexpr int kRaisedNice = -10;

/// What a thread got, and why not more.
struct PriorityTaken {
  Priority priority = Priority::normal;
  int realtime_error = 0;  ///< why real-time priority was refused (errno); 0: it was not
};

/// Gives the calling thread the best it may have. Threads that it starts later get nothing of that.
[[nodiscard]] PriorityTaken take_priority() noexcept;

/// Where that is permitted, the calling thread is raised as long as this lives, unless it has a better nice value. So
/// are threads that it starts meanwhile, for good.
class RaisedMeanwhile {
 public:
  RaisedMeanwhile() noexcept;
  RaisedMeanwhile(const RaisedMeanwhile&) = delete;
  RaisedMeanwhile& operator=(const RaisedMeanwhile&) = delete;
  ~RaisedMeanwhile();

 private:
  int before_;  ///< nice value
};

/// Takes away what is more than `left`; needs no privilege. Of any thread of this process; may be called in a signal
/// handler.
void lower_priority(pid_t thread, Priority left) noexcept;

/// After so much time (microseconds) without a pause a real-time thread gets SIGXCPU, and after so much the kernel ends
/// the process. False when that cannot be set: then no thread should be real-time.
[[nodiscard]] bool limit_realtime(unsigned long soft_us, unsigned long hard_us) noexcept;

}  // namespace kpulse
