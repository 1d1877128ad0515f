#include "support/mosquitto.h"

#include <stdexcept>

#include "support/net.h"
#include "support/wait.h"

namespace kpulse::test {
namespace {

std::string configuration(const MosquittoOptions& options, const std::filesystem::path& folder, std::uint16_t port) {
  // "user root": started by root it would change to its own user, who cannot read the folder.
  std::string text = "user root\nlog_dest stderr\nlog_type all\nmax_queued_messages 100000\nset_tcp_nodelay true\n";
  if (options.persistent) text += "persistence true\npersistence_location " + folder.string() + "/\n";
  for (const auto& line : options.global_lines) text += line + "\n";
  text += "listener " + std::to_string(port) + " 127.0.0.1\n";
  text += std::string("allow_anonymous ") + (options.anonymous ? "true" : "false") + "\n";
  for (const auto& line : options.listener_lines) text += line + "\n";
  return text;
}

}  // namespace

Mosquitto::Mosquitto(const MosquittoOptions& options) : port_(free_port()) {
  folder_.write("mosquitto.conf", configuration(options, folder_.path(), port_));
  start();
}

void Mosquitto::start() {
  const auto program = find_program("mosquitto");
  if (!program) throw std::runtime_error("mosquitto is not installed");
  const std::vector<std::string> argv{*program, "-c", (folder_.path() / "mosquitto.conf").string()};
  process_ = Process::spawn(argv, {.output = folder_.path() / "mosquitto.log", .environment = {}});
  const bool settled = wait_until([this] { return port_open(port_) || !process_.running(); });
  if (!settled || !process_.running()) throw std::runtime_error("mosquitto did not start:\n" + log());
}

void Mosquitto::stop(int signal) {
  process_.stop(signal);
}

}  // namespace kpulse::test
