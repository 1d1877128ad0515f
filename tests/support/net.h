// Ports on loopback.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/handle.h"

namespace kpulse::test {

/// A port on 127.0.0.1 that is this process's until it ends: for a service that it starts (and stops, and starts
/// again), or to have nobody answer. It is held by a socket that is bound and does not listen. So the kernel gives it
/// neither to an outgoing connection nor to another who asks for any port; but a service that asks for this very one
/// with SO_REUSEADDR, as servers do, may listen there.
[[nodiscard]] std::uint16_t free_port();

/// A connection to 127.0.0.1:port; none when it is refused.
[[nodiscard]] FileDescriptor connect_to_loopback(std::uint16_t port);

/// True once something accepts connections on 127.0.0.1:port.
[[nodiscard]] bool port_open(std::uint16_t port);

/// Waits for port_open.
[[nodiscard]] bool wait_for_port(std::uint16_t port, std::chrono::milliseconds limit = std::chrono::seconds(10));

/// A listening socket on 127.0.0.1 with the port the kernel chose.
struct Listener {
  FileDescriptor socket;
  std::uint16_t port = 0;
};
[[nodiscard]] Listener listen_on_loopback(int backlog = 16);

/// A port whose connections never complete: its backlog is full and nobody accepts. Keep it alive as long as needed.
struct Blackhole {
  Listener listener;
  FileDescriptor filler[4];
};
[[nodiscard]] Blackhole make_blackhole();

}  // namespace kpulse::test
