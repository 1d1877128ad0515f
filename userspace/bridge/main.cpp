#include <pthread.h>

#include <csignal>
#include <cstdio>

#include "base/log.h"
#include "base/version.h"
#include "bridge/bridge.h"
#include "bridge/settings.h"
#include "config/schema.h"

namespace {

using namespace kpulse;

int report(const Error& error) {
  std::fprintf(stderr, "kpulse-bridge: %s\n", error.message.c_str());
  return error.exit_status();
}

/// Before any thread starts, so that only the wait in main takes them.
sigset_t block_signals() {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGTERM);
  sigaddset(&mask, SIGINT);
  pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return mask;
}

}  // namespace

int main(int argc, char** argv) {
  bridge::Settings settings;
  const auto start = config::load(bridge::program(settings), argc, argv);
  if (!start) return report(start.error());
  if (*start == config::Start::finished) return 0;
  if (const auto complete = bridge::complete(settings); !complete) return report(complete.error());
  init_log(settings.log_level);
  const sigset_t mask = block_signals();
  auto running = bridge::Bridge::start(settings);
  if (!running) return report(running.error());
  spdlog::info("kpulse-bridge {}: {} to {}", kVersion, settings.mqtt.url,
               settings.sink == "influx" ? settings.influx.url : settings.sink);
  int signal = 0;
  sigwait(&mask, &signal);
  spdlog::info("signal {}: writing what is left", signal);
  (*running)->stop();
  return 0;
}
