#include "config/value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "config/units.h"

namespace kpulse::config {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

bool parse_into(const Text& text, std::string_view input) {
  *text.target = input;
  return true;
}

bool parse_into(const Flag& flag, std::string_view input) {
  const bool yes = input == "true" || input == "1" || input == "yes" || input == "on";
  const bool no = input == "false" || input == "0" || input == "no" || input == "off";
  if (yes || no) *flag.target = yes;
  return yes || no;
}

bool parse_into(const Integer& integer, std::string_view input) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(input.data(), input.data() + input.size(), value);
  if (error != std::errc() || end != input.data() + input.size()) return false;
  if (value < integer.min || value > integer.max) return false;
  *integer.target = value;
  return true;
}

bool parse_into(const Bytes& bytes, std::string_view input) {
  const auto value = parse_bytes(input);
  if (!value || *value < bytes.min || *value > bytes.max) return false;
  *bytes.target = *value;
  return true;
}

bool parse_into(const Duration& duration, std::string_view input) {
  const auto value = parse_duration(input);
  if (!value || *value < duration.min || *value > duration.max) return false;
  *duration.target = *value;
  return true;
}

bool parse_into(const Choice& choice, std::string_view input) {
  if (std::find(choice.allowed.begin(), choice.allowed.end(), input) == choice.allowed.end()) return false;
  *choice.target = input;
  return true;
}

std::string integer_range(const Integer& integer) {
  const bool open = integer.max == std::numeric_limits<std::int64_t>::max();
  return open ? fmt::format("a whole number from {}", integer.min)
              : fmt::format("a whole number from {} to {}", integer.min, integer.max);
}

}  // namespace

Result<> assign(const Key& key, std::string_view text) {
  if (std::visit([text](const auto& value) { return parse_into(value, text); }, key.value)) return {};
  const std::string got = key.secret ? "" : fmt::format(", got {}", quoted(text));
  return fail(fmt::format("{} takes {}{}", key.name, allowed(key.value), got), ErrorKind::usage);
}

std::string allowed(const Value& value) {
  return std::visit(Overloaded{
                        [](const Text&) -> std::string { return "text"; },
                        [](const Flag&) -> std::string { return "true or false"; },
                        [](const Integer& integer) { return integer_range(integer); },
                        [](const Bytes& bytes) {
                          return fmt::format("a size from {} to {}", format_bytes(bytes.min), format_bytes(bytes.max));
                        },
                        [](const Duration& duration) {
                          return fmt::format("a duration from {} to {}", format_duration(duration.min),
                                             format_duration(duration.max));
                        },
                        [](const Choice& choice) { return fmt::format("one of {}", fmt::join(choice.allowed, ", ")); },
                    },
                    value);
}

std::string toml_literal(const Value& value) {
  return std::visit(Overloaded{
                        [](const Text& text) { return quoted(*text.target); },
                        [](const Flag& flag) -> std::string { return *flag.target ? "true" : "false"; },
                        [](const Integer& integer) { return std::to_string(*integer.target); },
                        [](const Bytes& bytes) { return quoted(format_bytes(*bytes.target)); },
                        [](const Duration& duration) { return quoted(format_duration(*duration.target)); },
                        [](const Choice& choice) { return quoted(*choice.target); },
                    },
                    value);
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result.append({'\\', c});
    } else if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\u{:04x}", byte);
    } else {
      result += c;
    }
  }
  return result += '"';
}

}  // namespace kpulse::config
