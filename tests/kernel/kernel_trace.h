// What the kernel's own tracing says of a few events: a second witness beside the programs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kpulse::test {

/// One event of the kernel's trace.
struct TraceEvent {
  std::string comm;
  std::uint32_t pid = 0;
  std::uint64_t mono_ns = 0;  ///< CLOCK_MONOTONIC, cut off to microseconds
  std::string name;           ///< mm_compaction_begin
  std::string text;           ///< zone_start=0x1000 ...

  /// Number after `key=` in the text; throws std::runtime_error when there is none.
  [[nodiscard]] std::uint64_t number(std::string_view key) const;
};

/// A new instance of the kernel's tracing for this process, and what can be done with it; throw std::runtime_error.
[[nodiscard]] std::string make_trace_instance(const std::string& name);
void write_trace_file(const std::string& instance, const std::string& file, const std::string& value);
void expect_no_lost_events(const std::string& instance);

/// Traces in an instance of its own, from construction on; others may trace at the same time.
class KernelTrace {
 public:
  /// "compaction/mm_compaction_begin", ... Throws std::runtime_error when the kernel has no such event.
  explicit KernelTrace(const std::vector<std::string>& events);
  KernelTrace(const KernelTrace&) = delete;
  KernelTrace& operator=(const KernelTrace&) = delete;
  ~KernelTrace();

  /// Ends the tracing; all events in the order of their times. Throws std::runtime_error when some were lost.
  [[nodiscard]] std::vector<TraceEvent> stop();

 private:
  KernelTrace();

  std::string folder_;
};

/// Empty when tracing works here; else what is missing. Mounts tracefs where that has not been done.
[[nodiscard]] std::string missing_for_trace();

}  // namespace kpulse::test
