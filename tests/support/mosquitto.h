// A real mosquitto on a free loopback port, for tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "support/files.h"
#include "support/process.h"

namespace kpulse::test {

struct MosquittoOptions {
  bool anonymous = true;
  bool persistent = false;                  ///< keeps sessions and queues over stop() and start()
  std::vector<std::string> listener_lines;  ///< lines of the configuration that belong to the listener: cafile, ...
  std::vector<std::string> global_lines;
};

/// Own folder, own port; stop() and start() keep both, so a restart looks like one to the clients.
class Mosquitto {
 public:
  [[nodiscard]] static bool installed() { return find_program("mosquitto").has_value(); }

  /// Starts it and waits until it listens; throws with its log when it does not.
  explicit Mosquitto(const MosquittoOptions& options = {});

  void start();
  void stop(int signal = SIGTERM);

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string url() const { return "mqtt://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_.path(); }
  [[nodiscard]] std::string log() const { return read_file(folder_.path() / "mosquitto.log"); }
  [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }

 private:
  TempDir folder_;
  std::uint16_t port_;
  Process process_;
};

}  // namespace kpulse::test

/// First line of a test (or SetUp) that needs the broker: skips by name where it is not installed.
#define KPULSE_NEEDS_MOSQUITTO() \
  if (!::kpulse::test::Mosquitto::installed()) GTEST_SKIP() << "mosquitto is not installed"
