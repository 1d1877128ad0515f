#include "cli/stop_signal.h"

#include <csignal>

namespace kpulse::cli {
namespace {

volatile std::sig_atomic_t g_signalled = 0;

}  // namespace

void catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { g_signalled = 1; };
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool stop_signalled() noexcept {
  return g_signalled != 0;
}

}  // namespace kpulse::cli
