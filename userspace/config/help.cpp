#include "config/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "config/names.h"
#include "config/value.h"

namespace kpulse::config {
namespace {

/// Sections in the order in which the program names them first, the top level before all.
std::vector<std::string_view> sections(const Program& program) {
  std::vector<std::string_view> result{""};
  for (const Key& key : program.keys) {
    const auto section = split_key(key.name).section;
    if (std::find(result.begin(), result.end(), section) == result.end()) result.push_back(section);
  }
  return result;
}

std::string key_help(const Key& key) {
  const std::string flag = key.secret ? key.name + " (not a flag: it is a secret)" : flag_name(key.name);
  const std::string value = key.secret ? "(secret)" : toml_literal(key.value);
  return fmt::format("  {}\n      {}\n      takes: {}; default: {}\n      file: {}, environment: {}\n", flag, key.help,
                     allowed(key.value), value, key.name, environment_name(key.name));
}

bool is_set(const Key& key) {
  const auto* text = std::get_if<Text>(&key.value);
  return text == nullptr || !text->target->empty();
}

std::string key_line(const Key& key) {
  const auto name = split_key(key.name).name;
  if (!key.secret) return fmt::format("{} = {}\n", name, toml_literal(key.value));
  return fmt::format("# {} is a secret and {}\n", name, is_set(key) ? "set" : "not set");
}

template <class Format>
std::string by_section(const Program& program, Format format) {
  std::string text;
  for (const auto section : sections(program)) {
    std::string body;
    for (const Key& key : program.keys) {
      if (split_key(key.name).section == section) body += format(key);
    }
    if (body.empty()) continue;
    if (!text.empty()) text += '\n';
    if (!section.empty()) text += fmt::format("[{}]\n", section);
    text += body;
  }
  return text;
}

}  // namespace

std::string help_text(const Program& program) {
  const std::string file = program.default_file.empty() ? std::string("none unless given")
                                                        : fmt::format("{} when it exists", program.default_file);
  return fmt::format(
             "{} - {}\n\nUsage: {} [flags]\n\n"
             "  -h, --help       this text\n"
             "  --version        the version\n"
             "  --config FILE    the configuration file (default: {})\n"
             "  --print-config   write the configuration in effect as TOML, without secrets, and end\n\n"
             "A value on the command line overrides the environment, which overrides the file.\n"
             "Durations: 10ms, 1s, 24h, 28d. Sizes: 64KiB, 8MiB.\n\n",
             program.name, program.description, program.name, file) +
         by_section(program, key_help);
}

std::string config_text(const Program& program) {
  return by_section(program, key_line);
}

}  // namespace kpulse::config
