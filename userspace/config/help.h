// What --help and --print-config write.
#pragma once

#include <string>

#include "config/schema.h"

namespace kpulse::config {

/// Every key with flag, variable, place in the file, default and what is allowed, by section. The defaults are the
/// targets' present values, so call it before anything is loaded.
[[nodiscard]] std::string help_text(const Program& program);

/// The targets' present values as a TOML file that reads back to the same; secrets are left out.
[[nodiscard]] std::string config_text(const Program& program);

}  // namespace kpulse::config
