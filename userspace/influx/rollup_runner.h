// Runs the rollup on a thread and a connection of its own, so that a slow query never holds up a write.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "http/client.h"
#include "influx/dialect.h"
#include "influx/interrupt.h"
#include "influx/query.h"
#include "influx/rollup.h"

namespace kpulse::influx {

/// Counters since start; read from any thread.
struct RollupStats {
  std::atomic<std::uint64_t> runs{0};      ///< buckets summed up
  std::atomic<std::uint64_t> failures{0};  ///< attempts the database refused or did not answer
  std::atomic<std::uint64_t> dropped{0};   ///< buckets forgotten because too many were dirty
};

/// 1.x by InfluxQL, tested against the real server. 2.x by Flux into the bucket <bucket>_rollup, which must exist;
/// tested against an HTTP stand-in only. 3 has neither and is never run.
class RollupRunner {
 public:
  /// `create` makes a missing 1.x retention policy.
  RollupRunner(Server server, Retention retention, bool create);
  RollupRunner(const RollupRunner&) = delete;
  RollupRunner& operator=(const RollupRunner&) = delete;
  ~RollupRunner();  ///< ends the thread at once; what is dirty is summed up by whoever writes to it next

  /// Tells what the server is; until then nothing runs. Any thread.
  void set_version(Version version) noexcept { version_ = static_cast<int>(version); }

  /// Something was committed at these times since 1970. Any thread.
  void touch(std::uint64_t first_ns, std::uint64_t last_ns);

  [[nodiscard]] const RollupStats& stats() const noexcept { return stats_; }

 private:
  void run();
  bool sum_up(std::uint64_t begin_ns);
  bool query(Version version, std::uint64_t begin_ns, std::string& error);

  const Server server_;
  const Retention retention_;
  const bool create_;
  Interrupt interrupt_;
  http::Client http_{{.header = kVersionHeader}, interrupt_.abort_flag()};
  std::atomic<int> version_{0};
  RollupStats stats_;
  std::mutex mutex_;
  DirtyBuckets dirty_;
  std::string last_error_;
  std::thread thread_;
};

}  // namespace kpulse::influx
