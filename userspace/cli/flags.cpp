#include "cli/flags.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "cli/text.h"

namespace kpulse::cli {
namespace {

constexpr double kLongestSeconds = 1e8;

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

tl::unexpected<Error> bad_duration(const std::string& text) {
  return fail(fmt::format("'{}' is no time: allowed is 20s, 100ms, 1m or a number of seconds", printable(text)),
              ErrorKind::usage);
}

double unit_seconds(std::string_view unit) {
  if (unit == "ms") return 1e-3;
  if (unit == "s" || unit.empty()) return 1;
  if (unit == "m" || unit == "min") return 60;
  if (unit == "h") return 3600;
  return 0;
}

}  // namespace

void InfluxFlags::add(CLI::App& command) {
  command.add_option("--influx", target.url, "InfluxDB, http://HOST:PORT")
      ->envname("KPULSE_INFLUX_URL")
      ->capture_default_str();
  command.add_option("--database", target.database, "database (1.x) or bucket (2.x)")
      ->envname("KPULSE_INFLUX_DATABASE")
      ->capture_default_str();
  command.add_option("--token-file", token_file,
                     "file with the token of 2.x; or KPULSE_INFLUX_TOKEN in the environment");
  command.add_option("--username", target.username, "user of 1.x; password: KPULSE_INFLUX_PASSWORD in the environment")
      ->envname("KPULSE_INFLUX_USERNAME");
}

Result<InfluxTarget> InfluxFlags::resolve() const {
  InfluxTarget resolved = target;
  resolved.password = from_environment("KPULSE_INFLUX_PASSWORD");
  resolved.token = from_environment("KPULSE_INFLUX_TOKEN");
  if (!token_file.empty()) {
    auto token = first_line(token_file);
    if (!token) return fail(std::move(token).error().with("--token-file"));
    resolved.token = *token;
  }
  return resolved;
}

void BrokerFlags::add(CLI::App& command) {
  command
      .add_option("--mqtt-url", settings.url,
                  "mqtt://HOST:PORT, or mqtts:// for TLS; password: KPULSE_MQTT_PASSWORD in the environment")
      ->envname("KPULSE_MQTT_URL")
      ->capture_default_str();
  command.add_option("--mqtt-username", settings.username, "user at the broker")->envname("KPULSE_MQTT_USERNAME");
  command.add_option("--mqtt-password-file", settings.password_file, "file whose first line is the password")
      ->envname("KPULSE_MQTT_PASSWORD_FILE");
  command
      .add_option("--mqtt-ca-file", settings.ca_file, "certificates that may sign the broker's; default: the system's")
      ->envname("KPULSE_MQTT_CA_FILE");
  command.add_option("--mqtt-cert-file", settings.cert_file, "client certificate")->envname("KPULSE_MQTT_CERT_FILE");
  command.add_option("--mqtt-key-file", settings.key_file, "its key")->envname("KPULSE_MQTT_KEY_FILE");
}

Result<mqtt::Broker> BrokerFlags::resolve() const {
  mqtt::Settings resolved = settings;
  resolved.password = from_environment("KPULSE_MQTT_PASSWORD");
  return mqtt::broker(resolved);
}

Result<std::chrono::nanoseconds> parse_duration(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const double unit = unit_seconds(std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end)));
  if (error != std::errc() || unit == 0 || !(number >= 0) || number * unit > kLongestSeconds) return bad_duration(text);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(number * unit * 1e9));
}

int exit_status(const Result<>& result) {
  if (result) return 0;
  fmt::print(stderr, "kpulse: {}\n", result.error().message);
  return result.error().exit_status();
}

}  // namespace kpulse::cli
