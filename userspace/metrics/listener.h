// A listening TCP socket from "address:port".
#pragma once

#include <cstdint>
#include <string>

#include "base/handle.h"
#include "base/result.h"

namespace kpulse::metrics {

struct Listener {
  FileDescriptor socket;
  std::uint16_t port = 0;  ///< what the kernel chose when 0 was asked for
};

/// `address` is "127.0.0.1:9464" or "[::1]:9464".
[[nodiscard]] Result<Listener> listen_on(const std::string& address);

}  // namespace kpulse::metrics
