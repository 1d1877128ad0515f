// What kpulse-agent can be told, and its defaults.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "config/schema.h"
#include "mqtt/settings.h"
#include "probes/probe.h"

namespace kpulse::agent {

struct Options {
  std::string host;  ///< empty: the machine's host name
  std::chrono::nanoseconds window = std::chrono::milliseconds(10);
  std::chrono::nanoseconds publish = std::chrono::milliseconds(100);
  mqtt::Settings mqtt;
  std::string metrics_listen = "127.0.0.1:9464";
  std::string realtime = "auto";  ///< or "off"
  std::string log_level = "info";
  probes::ProbeSettings probes;
  std::string record;  ///< file for a recording of the scheduler probe's input; empty: none
};

/// The command line of kpulse-agent; its keys fill `options`, which must outlive it.
[[nodiscard]] config::Program program(Options& options);

/// Checks what one key alone cannot: publish is a whole number of windows, the host name fits into a topic. Fills in
/// the host name.
[[nodiscard]] Result<> complete(Options& options);

}  // namespace kpulse::agent
