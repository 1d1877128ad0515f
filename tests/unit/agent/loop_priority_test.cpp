#include "agent/loop_priority.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

namespace kpulse::agent {
namespace {

bool may_be_realtime() {
  bool may = false;
  // A thread of its own: it takes what it got with it.
  std::thread([&may] { may = take_priority().priority == Priority::realtime; }).join();
  return may;
}

int policy() {
  return sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
}

/// Runs `check` in a process of its own, as it changes its limits; its exit status.
template <class Check>
int in_child(Check check) {
  const pid_t child = fork();
  if (child == 0) std::_Exit(check());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(LoopPriority, IsRealTimeForTheCallingThreadAndNoneThatItStarts) {
  if (!may_be_realtime()) GTEST_SKIP() << "needs CAP_SYS_NICE";
  EXPECT_EQ(in_child([] {
              LoopPriority priority;
              priority.take();
              int child = -1;
              std::thread([&child] { child = policy(); }).join();
              return priority.now() == Priority::realtime && policy() == SCHED_RR && child == SCHED_OTHER ? 0 : 1;
            }),
            0);
}

TEST(LoopPriority, ALoopThatDoesNotPauseGetsNormalPriorityAndGoesOn) {
  if (!may_be_realtime()) GTEST_SKIP() << "needs CAP_SYS_NICE";
  EXPECT_EQ(in_child([] {
              LoopPriority priority;
              priority.take();
              while (policy() == SCHED_RR) continue;
              priority.check();
              const bool once = priority.lowered() == 1 && priority.now() == Priority::normal;
              priority.check();
              return once && priority.lowered() == 1 && getpriority(PRIO_PROCESS, 0) == 0 ? 0 : 1;
            }),
            0);
}

TEST(LoopPriority, WhoIsLoweredByOneStepKeepsTheBetterNiceValue) {
  if (!may_be_realtime()) GTEST_SKIP() << "needs CAP_SYS_NICE";
  EXPECT_EQ(in_child([] {
              if (take_priority().priority != Priority::realtime) return 1;
              lower_priority(gettid(), Priority::raised);
              return policy() == SCHED_OTHER && getpriority(PRIO_PROCESS, 0) == kRaisedNice ? 0 : 2;
            }),
            0);
}

TEST(LoopPriority, WhereItIsRefusedTheLoopSaysWhatItHas) {
  EXPECT_EQ(in_child([] {
              const rlimit none{.rlim_cur = 0, .rlim_max = 0};
              if (setrlimit(RLIMIT_RTPRIO, &none) != 0 || setrlimit(RLIMIT_NICE, &none) != 0) return 1;
              if (setuid(65534) != 0 && getuid() == 0) return 2;
              LoopPriority priority;
              priority.take();
              return priority.now() == Priority::normal && policy() == SCHED_OTHER ? 0 : 3;
            }),
            0);
}

}  // namespace
}  // namespace kpulse::agent
