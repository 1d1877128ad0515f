// Hosts that have announced themselves on their state topic.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "model/frame.h"

namespace kpulse::bridge {

/// Counters, read from any thread.
struct HostStats {
  std::atomic<std::uint64_t> known{0};
  std::atomic<std::uint64_t> online{0};
  std::atomic<std::uint64_t> untracked{0};  ///< state messages of hosts past the bound
};

/// Bounded. One thread.
class HostTable {
 public:
  static constexpr std::size_t kMaxHosts = 10'000;

  /// Takes a host's latest state; a last will of a stream older than the known one changes nothing. Logs what is news.
  void update(const State& state);

  [[nodiscard]] const HostStats& stats() const noexcept { return stats_; }

 private:
  struct Host {
    std::uint64_t stream = 0;
    bool online = false;
  };

  std::unordered_map<std::string, Host> hosts_;
  HostStats stats_;
};

}  // namespace kpulse::bridge
