// Command line of the programs that feed recorded frames, and their talk with the script that runs them: a JSON line
// when ready, a line on standard input to begin, a JSON line at the end.
#pragma once

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/recorded_feed.h"

namespace kpulse::bench {

struct FeedCommand {
  std::string recording;
  FeedOptions feed;

  void add_to(CLI::App& app) {
    app.add_option("--recording", recording, "what kpulse-agent --record wrote")->required();
    app.add_option("--prefix", feed.prefix, "beginning of the hosts' names");
    app.add_option("--hosts", feed.hosts, "number of hosts")->check(CLI::PositiveNumber);
    app.add_option("--lines", feed.lines, "at least so many lines")->required()->check(CLI::PositiveNumber);
  }
};

/// Says what is to come and waits for the word to begin.
inline void announce(const RecordedFeed& feed) {
  const nlohmann::json ready{{"frames", feed.frames()}, {"lines", feed.lines()}};
  std::cout << ready.dump() << std::endl;
  std::string begin;
  std::getline(std::cin, begin);
}

}  // namespace kpulse::bench
