// Configuration as data: one table of keys drives the TOML file, the environment, the flags, --help and the error
// messages. Order of override: file < environment < flag.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace kpulse::config {

/// What a key takes. Each knows how to parse text and how to say what is allowed.
struct Text {
  std::string* target;
};
struct Flag {
  bool* target;
};
struct Integer {
  std::int64_t* target;
  std::int64_t min;
  std::int64_t max;
};
struct Bytes {
  std::uint64_t* target;
  std::uint64_t min;
  std::uint64_t max;
};  ///< "8MiB", "64KiB", "1000"
struct Duration {
  std::chrono::nanoseconds* target;
  std::chrono::nanoseconds min;
  std::chrono::nanoseconds max;
};  ///< "10ms", "1s"
struct Choice {
  std::string* target;
  std::vector<std::string> allowed;
};

/// One key: "mqtt.url" is `url` in [mqtt] of the file, KPULSE_MQTT_URL in the environment and --mqtt-url on the command
/// line. A dash stands for an underscore in the flag (sink.max_lines -> --sink-max-lines).
struct Key {
  std::string name;
  std::variant<Text, Flag, Integer, Bytes, Duration, Choice> value;
  std::string help;
  bool secret = false;  ///< never on the command line (others can read it there), never printed
};

/// A program's command line: its keys, and words of its own.
struct Program {
  std::string name;
  std::string description;
  std::vector<Key> keys;
  std::string default_file;  ///< read when it exists; --config FILE must exist
};

enum class Start { run, finished };  ///< finished: --help, --version or --print-config was answered on stdout

/// Fills the targets of all keys from file, environment and flags. A bad value is an Error of kind usage that names the
/// file and line (or the variable, or the flag), the key, and what is allowed; an unknown key is one too, with the
/// nearest known key.
[[nodiscard]] Result<Start> load(const Program& program, int argc, const char* const* argv);

}  // namespace kpulse::config
