// From the end of a window to its being queryable.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kpulse::cli {

/// Sees each window of each CPU once, when it first shows in the database. Bounded memory however long it runs.
class LatencyTracker {
 public:
  /// Where a CPU's windows are counted from: this window and those before it are known already.
  void begin(const std::string& cpu, std::uint64_t start_ns);

  /// A window was found. Ignores what is known already; a CPU that begin() did not name begins here.
  void seen(const std::string& cpu, std::uint64_t start_ns, std::uint64_t window_ns, std::uint64_t now_ns);

  /// Start of the newest window that every CPU has; 0 before the first begin().
  [[nodiscard]] std::uint64_t newest_common() const noexcept;
  [[nodiscard]] std::uint64_t window_ns() const noexcept { return window_ns_; }
  [[nodiscard]] std::uint64_t windows() const noexcept { return windows_; }
  [[nodiscard]] std::size_t cpus() const noexcept { return newest_.size(); }

  /// Latency that a part `q` of the windows did not exceed, off by at most 6.25 %; 0 without windows.
  [[nodiscard]] std::uint64_t quantile(double q) const;

 private:
  std::map<std::string, std::uint64_t> newest_;
  std::vector<std::uint64_t> counts_;  ///< by bucket of abi/histogram.h
  std::uint64_t window_ns_ = 0;
  std::uint64_t windows_ = 0;
};

}  // namespace kpulse::cli
