// What the kinds of values have in common: read from text, shown as text, described.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "config/schema.h"

namespace kpulse::config {

using Value = decltype(Key::value);

/// Parses text into the target, which stays as it was on error. The error says what is allowed, not where the text came
/// from; a secret's text is not repeated in it.
[[nodiscard]] Result<> assign(const Key& key, std::string_view text);

/// What the key takes: "a duration from 10ms to 10s".
[[nodiscard]] std::string allowed(const Value& value);

/// The target's present value as a TOML literal: `"10ms"`, `true`, `5`.
[[nodiscard]] std::string toml_literal(const Value& value);

/// A TOML basic string.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace kpulse::config
