#include "agent/options.h"

#include <unistd.h>

#include <array>
#include <iterator>

#include "codec/frame_codec.h"

namespace kpulse::agent {
namespace {

using namespace std::chrono_literals;

std::string machine_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

config::Program program(Options& options) {
  config::Program program{
      .name = "kpulse-agent",
      .description = "Measures this machine's kernel window by window and publishes frames over MQTT.",
      .keys =
          {
              {.name = "host",
               .value = config::Text{&options.host},
               .help = "name of this machine in topics and tags; default: its host name"},
              {.name = "window", .value = config::Duration{&options.window, 1ms, 1s}, .help = "length of a window"},
              {.name = "publish",
               .value = config::Duration{&options.publish, 10ms, 10s},
               .help = "time between frames; a whole number of windows"},
              {.name = "processes.top",
               .value = config::Integer{&options.probes.top_processes, 0, 50},
               .help = "processes to name for each of cpu, faults, io and wait, once a second; 0 for none"},
              {.name = "block",
               .value = config::Choice{&options.probes.block, {"full", "lite"}},
               .help = "full: each I/O from its begin; lite: its end alone, which costs each I/O less than half: no "
                       "submitters, no cgroups, no depth, nothing of disks that take bios (zram, dm, md)"},
              {.name = "record",
               .value = config::Text{&options.record},
               .help = "write the scheduler probe's raw input to this file, for replay"},
              {.name = "realtime",
               .value = config::Choice{&options.realtime, {"auto", "off"}},
               .help = "auto: run before all that is not real-time where that is permitted; off: compete like others"},
              {.name = "metrics.listen",
               .value = config::Text{&options.metrics_listen},
               .help = "address of the Prometheus endpoint, or off"},
              {.name = "log.level",
               .value = config::Choice{&options.log_level, {"debug", "info", "warning", "error"}},
               .help = "least important message to log"},
          },
      .default_file = "/etc/kpulse/agent.toml"};
  auto mqtt = mqtt::keys(options.mqtt);
  program.keys.insert(program.keys.end(), std::make_move_iterator(mqtt.begin()), std::make_move_iterator(mqtt.end()));
  return program;
}

Result<> complete(Options& options) {
  if (options.publish < options.window || options.publish % options.window != 0ns) {
    return fail("publish: must be a whole number of windows; allowed: 1, 2, 3, ... times window", ErrorKind::usage);
  }
  if (options.host.empty()) options.host = machine_name();
  if (!valid_host(options.host)) {
    return fail("host: '" + options.host + "' is no host name; allowed: 1 to 253 letters, digits, '-', '_' and '.'",
                ErrorKind::usage);
  }
  return {};
}

}  // namespace kpulse::agent
