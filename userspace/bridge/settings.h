// What kpulse-bridge can be told, and its defaults.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "bridge/batcher.h"
#include "config/schema.h"
#include "influx/writer.h"
#include "mqtt/settings.h"

namespace kpulse::bridge {

struct Settings {
  mqtt::Settings mqtt;
  influx::Server influx;
  std::string influx_version = "auto";
  std::string token_file;
  bool create_database = true;
  bool rollup = true;
  std::int64_t connections = 2;
  std::chrono::nanoseconds retention = std::chrono::hours(24);
  std::chrono::nanoseconds rollup_retention = std::chrono::hours(672);
  std::string sink = "influx";
  std::string sink_file;
  std::int64_t batch_lines = 5'000;
  std::chrono::nanoseconds batch_interval = std::chrono::milliseconds(20);
  std::uint64_t batch_queue = 64U << 20U;
  std::string gzip = "auto";
  std::string metrics_listen = "127.0.0.1:9465";
  std::string log_level = "info";
};

/// The command line of kpulse-bridge; its keys fill `settings`, which must outlive it.
[[nodiscard]] config::Program program(Settings& settings);

/// Checks what one key alone cannot, and reads the token file. Errors are of kind usage and name the key.
[[nodiscard]] Result<> complete(Settings& settings);

[[nodiscard]] influx::WriterOptions writer_options(const Settings& settings);
[[nodiscard]] BatchLimits batch_limits(const Settings& settings);

/// This machine's name where it can be one in topics and tags, else "unknown".
[[nodiscard]] std::string machine_name();

}  // namespace kpulse::bridge
