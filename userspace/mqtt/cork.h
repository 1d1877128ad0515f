// Lets small packets leave together.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace kpulse::mqtt {

/// Holds back what is written to a TCP socket as long as it lives, and then sends it at once: the acknowledgements of
/// all messages that one poll() found are one segment instead of one each. Unlike leaving TCP_NODELAY off, it never
/// waits for the peer.
class Cork {
 public:
  explicit Cork(int socket) noexcept : socket_(socket) { set(1); }
  Cork(const Cork&) = delete;
  Cork& operator=(const Cork&) = delete;
  ~Cork() { set(0); }

 private:
  void set(int on) const noexcept { setsockopt(socket_, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)); }

  int socket_;
};

}  // namespace kpulse::mqtt
