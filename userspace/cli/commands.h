// The subcommands of `kpulse`: each adds itself, with its flags, to the program.
#pragma once

#include <CLI/CLI.hpp>

namespace kpulse::cli {

/// Each writes its exit status (0, 1, 2 or 3) to `status` when it was the one that ran.
void add_doctor(CLI::App& program, int& status);
void add_watch(CLI::App& program, int& status);
void add_metrics_md(CLI::App& program, int& status);
void add_frame(CLI::App& program, int& status);

}  // namespace kpulse::cli
