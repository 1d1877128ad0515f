// The end that a load is asked for: SIGTERM, SIGINT (Ctrl-C) or the end of its standard input.
#pragma once

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace kpulse::bench {

/// Made before any thread or child, so that these signals end none of them by themselves.
class EndSignal {
 public:
  EndSignal() {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_BLOCK, &mask, nullptr);
    signals_ = signalfd(-1, &mask, SFD_CLOEXEC);
  }
  EndSignal(const EndSignal&) = delete;
  EndSignal& operator=(const EndSignal&) = delete;
  ~EndSignal() { close(signals_); }

  void wait() const {
    std::array<pollfd, 2> watched{pollfd{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = signals_, .events = POLLIN, .revents = 0}};
    poll(watched.data(), watched.size(), -1);
  }

 private:
  int signals_ = -1;
};

}  // namespace kpulse::bench
