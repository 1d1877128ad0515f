#include "support/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <mutex>
#include <stdexcept>
#include <vector>

#include "support/wait.h"

namespace kpulse::test {
namespace {

int connect_to(std::uint16_t port, int flags, FileDescriptor& socket) {
  socket = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

/// A socket on 127.0.0.1 with a port that the kernel chose, not listening.
Listener bind_on_loopback() {
  Listener result{.socket = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(result.socket.get(), generic, size) != 0 || ::getsockname(result.socket.get(), generic, &size) != 0) {
    throw std::runtime_error("no port can be had on loopback");
  }
  result.port = ntohs(address.sin_port);
  return result;
}

}  // namespace

Listener listen_on_loopback(int backlog) {
  Listener result = bind_on_loopback();
  if (::listen(result.socket.get(), backlog) != 0) throw std::runtime_error("cannot listen on loopback");
  return result;
}

std::uint16_t free_port() {
  static std::mutex mutex;
  static std::vector<FileDescriptor> held;
  Listener claim = bind_on_loopback();
  // After bind(): the kernel chose a port that nobody has, and from now on shares it with who asks for it by its
  // number.
  const int on = 1;
  if (::setsockopt(claim.socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    throw std::runtime_error("a port on loopback cannot be shared");
  }
  const std::lock_guard lock(mutex);
  held.push_back(std::move(claim.socket));
  return claim.port;
}

FileDescriptor connect_to_loopback(std::uint16_t port) {
  FileDescriptor socket;
  return connect_to(port, 0, socket) == 0 ? std::move(socket) : FileDescriptor();
}

bool port_open(std::uint16_t port) {
  return static_cast<bool>(connect_to_loopback(port));
}

bool wait_for_port(std::uint16_t port, std::chrono::milliseconds limit) {
  return wait_until([port] { return port_open(port); }, limit);
}

Blackhole make_blackhole() {
  Blackhole hole{.listener = listen_on_loopback(0), .filler = {}};
  for (FileDescriptor& filler : hole.filler) connect_to(hole.listener.port, SOCK_NONBLOCK, filler);
  return hole;
}

}  // namespace kpulse::test
