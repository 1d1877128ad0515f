// What `kpulse doctor` asks the broker and the database.
#pragma once

#include <string>

#include "cli/database.h"
#include "cli/report.h"
#include "mqtt/client.h"

namespace kpulse::cli {

/// A real CONNECT, for up to 5 s; the connection is closed again.
[[nodiscard]] Check check_broker(const mqtt::Broker& broker);

/// Answers, lets us in, and has our database.
[[nodiscard]] Check check_database(const InfluxTarget& target);

}  // namespace kpulse::cli
