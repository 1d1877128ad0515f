#include "support/influxd.h"

#include <stdexcept>

#include "support/net.h"
#include "support/wait.h"

namespace kpulse::test {
namespace {

std::string configuration(const InfluxdOptions& options, const std::string& folder, std::uint16_t port) {
  return "reporting-disabled = true\nbind-address = \"127.0.0.1:" + std::to_string(free_port()) +
         "\"\n[meta]\ndir = \"" + folder + "/meta\"\n[data]\ndir = \"" + folder + "/data\"\nwal-dir = \"" + folder +
         "/wal\"\nindex-version = \"tsi1\"\nquery-log-enabled = false\n" + options.limits +
         "\n[http]\nbind-address = \"127.0.0.1:" + std::to_string(port) +
         "\"\nlog-enabled = false\nauth-enabled = " + (options.auth ? "true" : "false") +
         "\n[monitor]\nstore-enabled = false\n";
}

}  // namespace

bool Influxd::installed() {
  const auto program = find_program("influxd");
  if (!program) return false;
  const TempDir folder;
  run({*program, "version"}, folder.path() / "version");
  const std::string version = read_file(folder.path() / "version");
  return version.find(" v1.") != std::string::npos || version.find(" 1.") != std::string::npos;
}

Influxd::Influxd(const InfluxdOptions& options) : port_(free_port()) {
  folder_.write("influxd.conf", configuration(options, folder_.path().string(), port_));
  start();
}

void Influxd::start() {
  const auto program = find_program("influxd");
  if (!program) throw std::runtime_error("influxd is not installed");
  const std::vector<std::string> argv{*program, "-config", (folder_.path() / "influxd.conf").string()};
  const SpawnOptions options{.output = folder_.path() / "influxd.log",
                             .environment = {{"HOME", folder_.path().string()}}};
  process_ = Process::spawn(argv, options);
  const bool settled = wait_until([this] { return port_open(port_) || !process_.running(); }, std::chrono::seconds(30));
  if (!settled || !process_.running()) throw std::runtime_error("influxd did not start:\n" + log());
}

void Influxd::stop(int signal) {
  process_.stop(signal, std::chrono::seconds(30));
}

}  // namespace kpulse::test
