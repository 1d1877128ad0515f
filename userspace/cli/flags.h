// Flags that several subcommands share. Secrets come from the environment or a file, never from the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>

#include "base/result.h"
#include "cli/database.h"
#include "mqtt/settings.h"

namespace kpulse::cli {

struct InfluxFlags {
  InfluxTarget target;
  std::string token_file;

  void add(CLI::App& command);

  /// The target with what the environment and the token file hold.
  [[nodiscard]] Result<InfluxTarget> resolve() const;
};

struct BrokerFlags {
  mqtt::Settings settings;

  void add(CLI::App& command);
  [[nodiscard]] Result<mqtt::Broker> resolve() const;
};

/// "20s", "100ms", "1m" or a number of seconds; an Error of kind usage says what is allowed.
[[nodiscard]] Result<std::chrono::nanoseconds> parse_duration(const std::string& text);

/// Prints an error as every kpulse program does, "kpulse: ...", and returns its exit status; 0 without one.
int exit_status(const Result<>& result);

}  // namespace kpulse::cli
