#include "metrics/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "base/clock.h"
#include "base/handle.h"

namespace kpulse::metrics {

std::uint64_t resident_bytes() {
  const FileDescriptor file(open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  if (!file) return 0;
  std::array<char, 128> buffer{};
  const auto size = read(file.get(), buffer.data(), buffer.size());
  if (size <= 0) return 0;
  // "<all pages> <resident pages> ..."
  const std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return 0;
  std::uint64_t pages = 0;
  std::from_chars(text.data() + space + 1, text.data() + text.size(), pages);
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void add_process_metrics(Registry& registry) {
  registry.add({.name = "process_cpu_seconds_total",
                .labels = "",
                .type = Type::counter,
                .help = "CPU time of this process, user and system, in seconds.",
                .read = [] { return static_cast<double>(process_cpu_ns()) * 1e-9; }});
  registry.add({.name = "process_resident_memory_bytes",
                .labels = "",
                .type = Type::gauge,
                .help = "Resident memory of this process, in bytes.",
                .read = [] { return static_cast<double>(resident_bytes()); }});
}

}  // namespace kpulse::metrics
