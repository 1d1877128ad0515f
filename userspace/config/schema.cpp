#include "config/schema.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "base/version.h"
#include "config/command_line.h"
#include "config/help.h"
#include "config/names.h"
#include "config/toml_file.h"
#include "config/value.h"

namespace kpulse::config {
namespace {

Result<> read_file(const Program& program, const CommandLine& line) {
  if (line.file) return read_toml(*line.file, program.keys);
  std::error_code ignored;
  if (program.default_file.empty() || !std::filesystem::exists(program.default_file, ignored)) return {};
  return read_toml(program.default_file, program.keys);
}

Result<> read_environment(const Program& program) {
  for (const Key& key : program.keys) {
    const std::string name = environment_name(key.name);
    const char* value = std::getenv(name.c_str());
    // Empty counts as unset: that is what a compose file makes of a variable nobody gave.
    if (value == nullptr || *value == '\0') continue;
    if (auto assigned = assign(key, value); !assigned) return fail(std::move(assigned).error().with(name));
  }
  return {};
}

Result<> read_flags(const CommandLine& line) {
  for (const auto& [key, text] : line.values) {
    if (auto assigned = assign(*key, text); !assigned) {
      return fail(std::move(assigned).error().with(flag_name(key->name)));
    }
  }
  return {};
}

}  // namespace

Result<Start> load(const Program& program, int argc, const char* const* argv) {
  const auto line = parse_command_line(program, argc, argv);
  if (!line) return fail(line.error());
  if (line->help) std::cout << help_text(program) << std::flush;
  if (line->version) std::cout << program.name << ' ' << kVersion << std::endl;
  if (line->help || line->version) return Start::finished;
  if (auto read = read_file(program, *line); !read) return fail(read.error());
  if (auto read = read_environment(program); !read) return fail(read.error());
  if (auto read = read_flags(*line); !read) return fail(read.error());
  if (!line->print_config) return Start::run;
  std::cout << config_text(program) << std::flush;
  return Start::finished;
}

}  // namespace kpulse::config
