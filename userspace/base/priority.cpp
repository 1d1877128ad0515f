#include "base/priority.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

namespace kpulse {

std::string_view to_string(Priority priority) noexcept {
  switch (priority) {
    case Priority::realtime:
      return "real-time priority (SCHED_RR 1)";
    case Priority::raised:
      return "nice -10";
    case Priority::normal:
      break;
  }
  return "normal priority";
}

PriorityTaken take_priority() noexcept {
  PriorityTaken taken;
  // First the nice value: it is what is left when real-time priority is given up. 0 is the calling thread.
  if (setpriority(PRIO_PROCESS, 0, kRaisedNice) == 0) taken.priority = Priority::raised;
  const sched_param lowest{.sched_priority = 1};
  if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) == 0) {
    taken.priority = Priority::realtime;
  } else {
    taken.realtime_error = errno;
  }
  return taken;
}

RaisedMeanwhile::RaisedMeanwhile() noexcept : before_(getpriority(PRIO_PROCESS, 0)) {
  if (before_ > kRaisedNice) setpriority(PRIO_PROCESS, 0, kRaisedNice);
}

RaisedMeanwhile::~RaisedMeanwhile() {
  setpriority(PRIO_PROCESS, 0, before_);
}

void lower_priority(pid_t thread, Priority left) noexcept {
  const int before = errno;  // a signal handler must not change what the thread it interrupts sees
  const sched_param none{.sched_priority = 0};
  if (left != Priority::realtime) sched_setscheduler(thread, SCHED_OTHER | SCHED_RESET_ON_FORK, &none);
  if (left == Priority::normal) setpriority(PRIO_PROCESS, static_cast<id_t>(thread), 0);
  errno = before;
}

bool limit_realtime(unsigned long soft_us, unsigned long hard_us) noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_RTTIME, &limit) != 0) return false;
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, hard_us);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, soft_us);
  return setrlimit(RLIMIT_RTTIME, &limit) == 0;
}

}  // namespace kpulse
