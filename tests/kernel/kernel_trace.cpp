#include "kernel/kernel_trace.h"

#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <regex>
#include <stdexcept>

namespace kpulse::test {
namespace {

constexpr const char* kTracing = "/sys/kernel/tracing";

/// "          <task>-<pid>   [<cpu>] <flags> <seconds>.<microseconds>: <event>: <text>"
const std::regex& line_of_an_event() {
  static const std::regex line(R"(^ *(.*)-(\d+) +\[\d+\] +\S+ +(\d+)\.(\d{6}): (\w+): (.*)$)");
  return line;
}

/// The sum of a counter that each CPU has in its "stats".
std::uint64_t stats_of_all_cpus(const std::filesystem::path& folder, const std::string& counter) {
  std::uint64_t sum = 0;
  for (const auto& cpu : std::filesystem::directory_iterator(folder / "per_cpu")) {
    std::ifstream file(cpu.path() / "stats");
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with(counter + ": ")) sum += std::stoull(line.substr(counter.size() + 2));
    }
  }
  return sum;
}

}  // namespace

std::uint64_t TraceEvent::number(std::string_view key) const {
  const std::size_t found = text.find(std::string(key) + "=");
  std::uint64_t value = 0;
  const char* begin = found == std::string::npos ? nullptr : text.data() + found + key.size() + 1;
  if (begin == nullptr || std::from_chars(begin, text.data() + text.size(), value).ec != std::errc{})
    throw std::runtime_error("no number " + std::string(key) + " in the trace's " + name + ": " + text);
  return value;
}

std::string make_trace_instance(const std::string& name) {
  static int made = 0;
  std::string folder = fmt::format("{}/instances/kp_{}_{}_{}", kTracing, name, getpid(), ++made);
  if (mkdir(folder.c_str(), 0700) != 0) throw std::runtime_error("cannot make " + folder);
  return folder;
}

void write_trace_file(const std::string& instance, const std::string& file, const std::string& value) {
  std::ofstream stream(instance + "/" + file);
  if (!(stream << value << std::flush))
    throw std::runtime_error("cannot write " + value + " to " + instance + "/" + file);
}

void expect_no_lost_events(const std::string& instance) {
  if (stats_of_all_cpus(instance, "overrun") + stats_of_all_cpus(instance, "dropped events") > 0)
    throw std::runtime_error("more events than the trace can hold");
}

KernelTrace::KernelTrace() : folder_(make_trace_instance("events")) {}

KernelTrace::KernelTrace(const std::vector<std::string>& events) : KernelTrace() {  // from here on it is removed again
  write_trace_file(folder_, "trace_clock", "mono");
  write_trace_file(folder_, "buffer_size_kb", "2048");
  for (const std::string& event : events) write_trace_file(folder_, "events/" + event + "/enable", "1");
}

KernelTrace::~KernelTrace() {
  rmdir(folder_.c_str());
}

std::vector<TraceEvent> KernelTrace::stop() {
  write_trace_file(folder_, "tracing_on", "0");
  expect_no_lost_events(folder_);
  std::ifstream file(folder_ + "/trace");
  std::vector<TraceEvent> events;
  std::smatch match;
  for (std::string line; std::getline(file, line);) {
    if (!std::regex_match(line, match, line_of_an_event())) continue;
    events.push_back({.comm = match[1],
                      .pid = static_cast<std::uint32_t>(std::stoul(match[2])),
                      .mono_ns = std::stoull(match[3]) * 1'000'000'000 + std::stoull(match[4]) * 1'000,
                      .name = match[5],
                      .text = match[6]});
  }
  return events;
}

std::string missing_for_trace() {
  const std::string instances = std::string(kTracing) + "/instances";
  if (access(instances.c_str(), W_OK) != 0) mount("tracefs", kTracing, "tracefs", 0, nullptr);
  return access(instances.c_str(), W_OK) == 0 ? "" : "needs tracefs at /sys/kernel/tracing";
}

}  // namespace kpulse::test
