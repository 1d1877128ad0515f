#include "config/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "config/names.h"

namespace kpulse::config {
namespace {

tl::unexpected<Error> wrong(std::string message) {
  return fail(std::move(message), ErrorKind::usage);
}

/// The first word CLI11 could not place.
Result<> explain_leftover(const Program& program, const std::string& word) {
  const std::string flag = word.substr(0, word.find('='));
  if (!flag.starts_with("-")) return wrong(fmt::format("unexpected argument \"{}\"; see --help", word));
  std::vector<std::string> flags{"--help", "--version", "--config", "--print-config"};
  for (const Key& key : program.keys) {
    const std::string name = flag_name(key.name);
    if (!key.secret) flags.push_back(name);
    if (key.secret && name == flag) {
      return wrong(
          fmt::format("{}: a secret is not taken from the command line, where others can read it; put {} into the "
                      "configuration file or into {}",
                      flag, key.name, environment_name(key.name)));
    }
  }
  return wrong(fmt::format("unknown flag {}{}", flag, suggestion(flag, flags)));
}

void add_key(CLI::App& app, const Key& key, std::vector<std::pair<const Key*, CLI::Option*>>& options) {
  CLI::Option* option = app.add_option(flag_name(key.name))->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  // A switch may stand alone; every other flag needs its value.
  if (std::holds_alternative<Flag>(key.value)) option->expected(0, 1);
  options.emplace_back(&key, option);
}

}  // namespace

Result<CommandLine> parse_command_line(const Program& program, int argc, const char* const* argv) {
  CommandLine result;
  CLI::App app(program.description, program.name);
  app.set_help_flag();
  app.allow_extras();
  app.add_flag("-h,--help", result.help);
  app.add_flag("--version", result.version);
  app.add_flag("--print-config", result.print_config);
  app.add_option("--config", result.file)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  std::vector<std::pair<const Key*, CLI::Option*>> options;
  for (const Key& key : program.keys) {
    if (!key.secret) add_key(app, key, options);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return wrong(std::string(error.what()) + "; see --help");
  }
  if (result.help || result.version) return result;
  if (const auto rest = app.remaining(); !rest.empty()) {
    if (auto explained = explain_leftover(program, rest.front()); !explained) return fail(explained.error());
  }
  for (const auto& [key, option] : options) {
    if (option->count() == 0) continue;
    const auto& words = option->results();
    const std::string word = words.empty() ? "" : words.back();
    const bool bare_switch = word.empty() && std::holds_alternative<Flag>(key->value);
    result.values.emplace_back(key, bare_switch ? "true" : word);
  }
  return result;
}

}  // namespace kpulse::config
