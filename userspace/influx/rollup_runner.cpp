#include "influx/rollup_runner.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "base/log.h"
#include "influx/schema.h"

namespace kpulse::influx {
namespace {

constexpr std::chrono::seconds kTimeout{30};
constexpr std::chrono::milliseconds kTick{500};

}  // namespace

RollupRunner::RollupRunner(Server server, Retention retention, bool create)
    : server_(std::move(server)), retention_(retention), create_(create), thread_([this] { run(); }) {}

RollupRunner::~RollupRunner() {
  interrupt_.abort();
  http_.wake();
  thread_.join();
}

void RollupRunner::touch(std::uint64_t first_ns, std::uint64_t last_ns) {
  const std::lock_guard lock(mutex_);
  stats_.dropped += dirty_.touch(first_ns, last_ns, monotonic_ns());
}

void RollupRunner::run() {
  while (!interrupt_.wait_for(kTick)) {
    if (version_ == 0) continue;
    const auto next = [this] {
      const std::lock_guard lock(mutex_);
      return dirty_.take_due(wall_ns(), monotonic_ns());
    };
    for (auto begin = next(); begin && !interrupt_.hurried(); begin = next()) {
      if (sum_up(*begin)) continue;
      touch(*begin, *begin);  // again after the quiet time
      break;
    }
  }
}

bool RollupRunner::sum_up(std::uint64_t begin_ns) {
  std::string error;
  const bool done = query(static_cast<Version>(version_.load()), begin_ns, error);
  ++(done ? stats_.runs : stats_.failures);
  if (!done && error != last_error_ && !interrupt_.aborted()) spdlog::warn("influx: the 10 s rollup failed: {}", error);
  last_error_ = std::move(error);
  return done;
}

bool RollupRunner::query(Version version, std::uint64_t begin_ns, std::string& error) {
  const std::string text = rollup_query(version, server_, begin_ns);
  if (text.empty()) return true;
  const http::Response response =
      http_.post(query_request(version, server_), version == Version::v1 ? form_of(text) : text, kTimeout);
  error = response.status == 0 ? response.error : error_in_body(response.body);
  if (error.empty() && response.status >= 300) error = fmt::format("HTTP {}", response.status);
  const bool missing = error.find("not found") != std::string::npos;
  if (missing && create_ && version == Version::v1) {
    if (auto made = create_database(http_, server_, retention_); !made) error = made.error().message;
  }
  return error.empty();
}

}  // namespace kpulse::influx
