#include <sys/signal.h>

#include <cstdio>

#include "agent/agent.h"
#include "agent/options.h"
#include "base/log.h"
#include "bpf/libbpf_log.h"
#include "config/schema.h"

namespace {

using namespace kpulse;

int report(const Error& error) {
  std::fprintf(stderr, "kpulse-agent: %s\n", error.message.c_str());
  return error.exit_status();
}

/// Before any thread starts: the loop takes these from a signalfd.
void block_signals() {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGTERM);
  sigaddset(&mask, SIGINT);
  pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

}  // namespace

int main(int argc, char** argv) {
  agent::Options options;
  const auto start = config::load(agent::program(options), argc, argv);
  if (!start) return report(start.error());
  if (*start == config::Start::finished) return 0;
  if (const auto complete = agent::complete(options); !complete) return report(complete.error());
  init_log(options.log_level);
  bpf::init_libbpf_log();
  block_signals();
  auto running = agent::Agent::start(options);
  if (!running) return report(running.error());
  if (const auto done = (*running)->run(); !done) return report(done.error());
  return 0;
}
