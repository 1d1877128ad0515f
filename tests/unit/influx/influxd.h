// A real influxd 1.x on free loopback ports with data in a folder of its own.
#pragma once

#include <sys/types.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace kpulse::influx::test {

class Influxd {
 public:
  /// nullptr when the program is not installed or is no 1.x.
  [[nodiscard]] static std::unique_ptr<Influxd> start();
  ~Influxd();

  [[nodiscard]] const std::string& url() const { return url_; }
  /// The first statement's series, as the server's JSON has them; empty array when there are none.
  [[nodiscard]] nlohmann::json query(const std::string& text) const;

  void stop();
  bool run();

 private:
  Influxd() = default;

  std::string folder_;
  std::string url_;
  pid_t pid_ = -1;
};

}  // namespace kpulse::influx::test
