#include "cli/service_checks.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "cli/query.h"
#include "cli/text.h"

namespace kpulse::cli {
namespace {

constexpr std::uint64_t kConnectNs = 5'000'000'000;
constexpr std::chrono::milliseconds kLook{10};

Check broken(std::string name, std::string detail, std::string advice) {
  return {.name = std::move(name), .verdict = Verdict::fail, .detail = std::move(detail), .advice = std::move(advice)};
}

/// Until the broker has accepted or refused, or the time is over.
mqtt::ClientStats outcome(const mqtt::Client& client) {
  const std::uint64_t deadline = monotonic_ns() + kConnectNs;
  mqtt::ClientStats stats = client.stats();
  while (stats.connects == 0 && stats.connect_failures == 0 && monotonic_ns() < deadline) {
    std::this_thread::sleep_for(kLook);
    stats = client.stats();
  }
  return stats;
}

bool has_database(const std::vector<ResultSet>& answer, const std::string& name) {
  return std::ranges::any_of(answer, [&](const ResultSet& set) {
    for (std::size_t row = 0; row < set.rows.size(); ++row) {
      if (set.text(row, "name") == name) return true;
    }
    return false;
  });
}

}  // namespace

Check check_broker(const mqtt::Broker& broker) {
  const std::string where = fmt::format("{}:{}{}", broker.host, broker.port, broker.tls ? " (TLS)" : "");
  mqtt::ClientOptions options{.broker = broker, .client_id = fmt::format("kpulse-doctor-{}", ::getpid())};
  auto client = mqtt::Client::start(std::move(options));
  if (!client) return broken("broker", printable(client.error().message), "correct the --mqtt flags");
  const mqtt::ClientStats stats = outcome(**client);
  if (stats.connects > 0) {
    return {.name = "broker", .detail = fmt::format("MQTT connection to {} accepted", where), .advice = {}};
  }
  const std::string reason = stats.last_error.empty() ? "no answer within 5 s" : printable(stats.last_error);
  return broken("broker", fmt::format("{}: {}", where, reason),
                "start the broker, or say where it is (--mqtt-url) and who we are (--mqtt-username)");
}

Check check_database(const InfluxTarget& target) {
  auto http = Database::open(target);
  if (!http) return broken("database", http.error().message, "correct --influx");
  const auto ping = http->get("/ping");
  if (!ping)
    return broken("database", printable(ping.error().message), "start InfluxDB, or say where it is (--influx)");
  const std::string version = ping->header.empty() ? "database" : "InfluxDB " + ping->header;
  const auto databases = query(*http, "SHOW DATABASES");
  if (!databases) {
    return broken("database", fmt::format("{}: {}", version, printable(databases.error().message)),
                  "give a token or user that may read");
  }
  Check check{.name = "database", .detail = fmt::format("{} at {}", version, http->target().url), .advice = {}};
  if (has_database(*databases, target.database)) {
    check.detail += fmt::format(", has database {}", printable(target.database));
  } else {
    check.verdict = Verdict::warn;
    check.detail += fmt::format(", no database {} yet", printable(target.database));
    check.advice = "kpulse-bridge creates it when it starts (1.x, influx.create_database = true)";
  }
  return check;
}

}  // namespace kpulse::cli
