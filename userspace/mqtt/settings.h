// The broker's part of the configuration, the same for agent, bridge and doctor.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/schema.h"
#include "mqtt/client.h"

namespace kpulse::mqtt {

struct Settings {
  std::string url = "mqtt://127.0.0.1:1883";  ///< mqtt://host[:1883] or mqtts://host[:8883]; IPv6 in brackets
  std::string username;
  std::string password;       ///< secret
  std::string password_file;  ///< its first line is the password
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  std::string client_id;  ///< empty: the program's choice
  std::uint64_t queue_bytes = 8U << 20U;
  std::chrono::nanoseconds keepalive = std::chrono::seconds(15);
};

/// The keys mqtt.url, mqtt.username, ... with the settings as their targets.
[[nodiscard]] std::vector<config::Key> keys(Settings& settings);

/// Splits the URL, reads the password file and checks that the settings go together. Errors name the key and are of
/// kind usage.
[[nodiscard]] Result<Broker> broker(const Settings& settings);

/// ClientOptions with everything the settings decide; the rest (will, subscriptions, ...) is the program's.
[[nodiscard]] Result<ClientOptions> client_options(const Settings& settings);

}  // namespace kpulse::mqtt
