// The TOML file as a source of values.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "config/schema.h"

namespace kpulse::config {

/// Reads the file into the keys' targets. The error is about the first wrong place in the file, "file:line:column:
/// ...", and says how many more there are; targets may have changed then.
[[nodiscard]] Result<> read_toml(const std::string& path, std::span<const Key> keys);

}  // namespace kpulse::config
