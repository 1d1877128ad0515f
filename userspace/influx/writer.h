// Gets batches of lines into the database: finds out its version, compresses, sends, retries, halves, creates what is
// missing.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "base/log.h"
#include "http/client.h"
#include "influx/dialect.h"
#include "influx/gzip.h"
#include "influx/interrupt.h"
#include "influx/query.h"
#include "influx/verdict.h"

namespace kpulse::influx {

struct WriterOptions {
  Server server;
  std::optional<Version> version;  ///< nothing: ask the server
  bool gzip = false;
  bool create_database = true;  ///< 1.x: make the database and its policies when they are missing
  Retention retention;
  std::chrono::milliseconds timeout{10'000};  ///< of one attempt
  std::chrono::milliseconds backoff_min{100};
  std::chrono::milliseconds backoff_max{10'000};
};

/// Counters since start; read from any thread.
struct WriterStats {
  std::atomic<bool> reachable{false};  ///< the last attempt was accepted
  std::atomic<int> version{0};         ///< 1, 2, 3; 0: not known yet
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> body_bytes{0};  ///< sent, after compression
  std::atomic<std::uint64_t> retries{0};
  std::array<std::atomic<std::uint64_t>, kOutcomes> outcomes{};  ///< answers by class
};

/// What became of a batch: the sum is its lines.
struct Written {
  std::uint64_t committed = 0;
  std::uint64_t refused = 0;    ///< the database will never take them
  std::uint64_t too_large = 0;  ///< single lines that it finds too large
  std::uint64_t abandoned = 0;  ///< not delivered because of the interrupt
};

/// Used by one thread; interrupt() from any.
class Writer {
 public:
  /// Writers of one database may count together.
  explicit Writer(WriterOptions options, std::shared_ptr<WriterStats> stats = std::make_shared<WriterStats>());

  /// Returns when every line is committed or given up. `lines` is the number of lines in `body`.
  [[nodiscard]] Written write(std::string_view body, std::uint64_t lines);

  void hurry() { interrupt_.hurry(); }
  void abort() {
    interrupt_.abort();
    http_.wake();
  }

  [[nodiscard]] const WriterStats& stats() const noexcept { return *stats_; }

 private:
  void write_part(std::string_view body, std::uint64_t lines, Written& written);
  void write_halves(std::string_view body, std::uint64_t lines, Written& written);
  bool settle(const Verdict& verdict, const http::Response& response, std::string_view body, std::uint64_t lines,
              Written& written);
  http::Response send(std::string_view body);
  bool know_version();
  bool create_missing(const http::Response& response);
  void complain(std::string_view what, const http::Response& response);
  bool pause(const http::Response& response);

  const WriterOptions options_;
  Interrupt interrupt_;
  http::Client http_{{.header = kVersionHeader}, interrupt_.abort_flag()};
  Gzip gzip_;
  std::optional<Request> request_;  ///< made once the version is known
  Backoff backoff_;
  std::minstd_rand random_;
  RateLimit refusals_{std::chrono::seconds(10)};
  std::string last_complaint_;
  std::size_t max_body_;       ///< learnt from 413
  std::size_t creations_ = 0;  ///< in a row without a write accepted
  const std::shared_ptr<WriterStats> stats_;
};

}  // namespace kpulse::influx
