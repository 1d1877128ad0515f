// GET /metrics over HTTP (libmicrohttpd), on loopback unless told otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "metrics/registry.h"

namespace kpulse::metrics {

/// Serves a registry. One thread of its own that sleeps in epoll; at most 8 connections, 5 s each.
class Endpoint {
 public:
  /// `listen` is "127.0.0.1:9464", "[::1]:9464" or "off" (then nothing is started); port 0 lets the kernel choose.
  /// Addresses are numeric. Any address may be given, but there is no authentication and no TLS: leave loopback only in
  /// networks where everybody may read the numbers. A malformed address is an Error of kind usage; a port in use is an
  /// Error that says so. The registry must outlive the endpoint and not change any more.
  [[nodiscard]] static Result<std::unique_ptr<Endpoint>> start(const std::string& listen, const Registry& registry);

  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  ~Endpoint();  ///< waits for the thread; at most for the reply being written

  /// The port it listens on; 0 when it is off.
  [[nodiscard]] std::uint16_t port() const noexcept;

 private:
  class Impl;
  explicit Endpoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kpulse::metrics
