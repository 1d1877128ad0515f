#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>

#include <utility>

#include "base/clock.h"

namespace kpulse {

void init_log(const std::string& level) {
  spdlog::drop("kpulse");  // a second call replaces the first one's logger instead of throwing
  auto logger = spdlog::stderr_logger_mt("kpulse");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

bool RateLimit::allow(std::uint64_t& suppressed) noexcept {
  const std::lock_guard lock(mutex_);
  const std::uint64_t now = monotonic_ns();
  if (now < next_ns_) {
    ++suppressed_;
    return false;
  }
  next_ns_ = now + static_cast<std::uint64_t>(interval_.count());
  suppressed = std::exchange(suppressed_, 0);
  return true;
}

}  // namespace kpulse
