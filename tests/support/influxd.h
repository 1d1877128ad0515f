// A real InfluxDB 1.x on a free loopback port, for tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "support/files.h"
#include "support/process.h"

namespace kpulse::test {

struct InfluxdOptions {
  bool auth = false;   ///< auth-enabled
  std::string limits;  ///< more lines for the [data] section
};

/// Own folder, own port; stop() and start() keep both.
class Influxd {
 public:
  /// True when an influxd of the 1.x line is installed.
  [[nodiscard]] static bool installed();

  /// Starts it and waits until it answers; throws with its log when it does not.
  explicit Influxd(const InfluxdOptions& options = {});

  void start();
  void stop(int signal = SIGTERM);

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_.path(); }
  [[nodiscard]] std::string log() const { return read_file(folder_.path() / "influxd.log"); }
  [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }

 private:
  TempDir folder_;
  std::uint16_t port_;
  Process process_;
};

}  // namespace kpulse::test

/// First line of a test (or SetUp) that needs the database: skips by name where it is not installed.
#define KPULSE_NEEDS_INFLUXD() \
  if (!::kpulse::test::Influxd::installed()) GTEST_SKIP() << "influxd 1.x is not installed"
