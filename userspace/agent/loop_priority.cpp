#include "agent/loop_priority.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <ctime>

#include "base/clock.h"

namespace kpulse::agent {
namespace {

// For the signal handler, which is one for the process.
std::atomic<pid_t> g_thread{0};
std::atomic<bool> g_stuck{false};
static_assert(std::atomic<pid_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void on_limit(int /*signal*/) {
  lower_priority(g_thread, Priority::normal);
  g_stuck = true;
}

/// Only this thread must be interrupted: the others block all signals.
void catch_limit() noexcept {
  g_thread = gettid();
  g_stuck = false;
  struct sigaction action {};
  action.sa_handler = on_limit;
  action.sa_flags = SA_RESTART;
  sigaction(SIGXCPU, &action, nullptr);
}

}  // namespace

void LoopPriority::take() noexcept {
  catch_limit();
  PriorityTaken taken = take_priority();
  if (taken.priority == Priority::realtime && !limit_realtime(kSoftUs, kHardUs)) {
    lower_priority(g_thread, Priority::raised);
    taken = {.priority = Priority::raised, .realtime_error = errno};
  }
  now_ = taken.priority;
  if (taken.realtime_error == 0) {
    spdlog::info("the loop has {}", to_string(taken.priority));
  } else {
    spdlog::info("the loop has {}, real-time priority was refused: {}; kpulse doctor says what to do",
                 to_string(taken.priority), std::strerror(taken.realtime_error));
  }
}

void LoopPriority::check() noexcept {
  if (g_stuck.exchange(false)) {
    spdlog::error("the loop ran for {} ms without a pause: it has {} from now on", kSoftUs / 1000,
                  to_string(Priority::normal));
    now_ = Priority::normal;
    ++lowered_;
  }
  if (now_ == Priority::normal) return;
  if (budget_.exceeded(monotonic_ns(), clock_ns(CLOCK_THREAD_CPUTIME_ID))) lower_to(one_less(now_));
}

void LoopPriority::lower_to(Priority left) noexcept {
  spdlog::warn("the loop took more than a fifth of a CPU for {} s: it has {} from now on",
               CpuBudget::kIntervalNs / 1'000'000'000, to_string(left));
  lower_priority(g_thread, left);
  now_ = left;
  ++lowered_;
}

}  // namespace kpulse::agent
