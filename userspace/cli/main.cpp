// kpulse: what a person runs to look at kpulse.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <string>

#include "base/log.h"
#include "base/version.h"
#include "cli/commands.h"

namespace {

constexpr int kUsage = 2;

int run(int argc, char** argv) {
  CLI::App program("Looks at kpulse and at the machine it runs on.", "kpulse");
  program.set_version_flag("--version", "kpulse " + std::string(kpulse::kVersion));
  program.require_subcommand(1);
  int status = 0;
  kpulse::cli::add_doctor(program, status);
  kpulse::cli::add_watch(program, status);
  kpulse::cli::add_frame(program, status);
  kpulse::cli::add_metrics_md(program, status);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : kUsage;
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  kpulse::init_log("off");  // the libraries' own words: the commands say what there is to say
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "kpulse: {}\n", error.what());
    return 1;
  }
}
