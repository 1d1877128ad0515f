// Signals belong to the program's main thread; helper threads are started with all of them blocked.
#pragma once

#include <pthread.h>

#include <csignal>

namespace kpulse {

/// Blocks every signal in this thread while it lives: a thread started meanwhile inherits that for good.
class BlockSignals {
 public:
  BlockSignals() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace kpulse
