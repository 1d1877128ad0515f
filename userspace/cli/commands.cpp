#include "cli/commands.h"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/flags.h"
#include "cli/frame_command.h"
#include "cli/metrics_md.h"
#include "cli/watch.h"

namespace kpulse::cli {
namespace {

struct WatchFlags {
  InfluxFlags influx;
  WatchOptions options;
  std::string duration = "0s";
  std::string interval = "1s";
  std::string wait = "10s";
};

/// Reads a duration flag into its place; the error names the flag.
Result<> read_duration(const char* flag, const std::string& text, std::chrono::nanoseconds& target) {
  auto parsed = parse_duration(text);
  if (!parsed) return fail(std::move(parsed).error().with(flag));
  target = *parsed;
  return {};
}

Result<> run_watch(const WatchFlags& flags) {
  WatchOptions options = flags.options;
  if (auto read = read_duration("--for", flags.duration, options.duration); !read) return read;
  if (auto read = read_duration("--interval", flags.interval, options.interval); !read) return read;
  if (auto read = read_duration("--wait", flags.wait, options.wait); !read) return read;
  if (options.interval < std::chrono::milliseconds(100))
    return fail("--interval: must be at least 100ms", ErrorKind::usage);
  auto target = flags.influx.resolve();
  if (!target) return fail(std::move(target).error());
  options.influx = std::move(*target);
  return watch(options);
}

struct FrameFlags {
  BrokerFlags broker;
  FrameOptions options;
};

Result<> run_frame(const FrameFlags& flags) {
  FrameOptions options = flags.options;
  auto broker = flags.broker.resolve();
  if (!broker) return fail(std::move(broker).error());
  options.broker = std::move(*broker);
  return print_frames(options);
}

}  // namespace

void add_watch(CLI::App& program, int& status) {
  auto flags = std::make_shared<WatchFlags>();
  auto* command = program.add_subcommand("watch", "Shows a live table of the scheduler, read back from InfluxDB");
  command->footer(
      "WAIT P50 and P99 are made of the publish intervals' own: the weighted mean of the medians, the largest P99.");
  flags->influx.add(*command);
  command->add_option("--host", flags->options.host, "whose data; default: the only host there is, or this machine");
  command->add_option("--for", flags->duration, "end by itself after this time; 0: at Ctrl-C")->capture_default_str();
  command->add_option("--interval", flags->interval, "time between two tables, and what each covers")
      ->capture_default_str();
  command->add_option("--wait", flags->wait, "how long to wait for the first window")->capture_default_str();
  command->add_option("--summary-json", flags->options.summary_file, "write the summary to this file as well");
  command->callback([flags, &status] { status = exit_status(run_watch(*flags)); });
}

void add_metrics_md(CLI::App& program, int& status) {
  auto* command = program.add_subcommand("metrics-md", "Prints docs/METRICS.md, from the metric catalogue");
  command->callback([&status] {
    fmt::print("{}", metrics_markdown());
    status = 0;
  });
}

void add_frame(CLI::App& program, int& status) {
  auto flags = std::make_shared<FrameFlags>();
  auto* command =
      program.add_subcommand("frame", "Prints frames and states, from the broker or from a file, for people");
  flags->broker.add(*command);
  command->add_option("--host", flags->options.host, "only this host's");
  command->add_option("--count", flags->options.messages, "end after so many messages; 0: at Ctrl-C")
      ->capture_default_str();
  command->add_option("FILE", flags->options.file, "a file with one frame; - is stdin");
  command->callback([flags, &status] { status = exit_status(run_frame(*flags)); });
}

}  // namespace kpulse::cli
