#include "metrics/listener.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace kpulse::metrics {
namespace {

using AddressInfo = Handle<addrinfo, freeaddrinfo>;

constexpr int kBacklog = 16;

AddressInfo resolve(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) return nullptr;
  std::string host = address.substr(0, colon);
  const std::string port = address.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  // An IPv6 address without brackets is ambiguous; an empty host would mean every interface by accident.
  if (host.empty() || port.empty() || bracketed != (host.find(':') != std::string::npos)) return nullptr;
  if (port.size() > 5 || !std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return nullptr;
  if (std::stoi(port) > 65535) return nullptr;
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  return AddressInfo(found);
}

std::uint16_t bound_port(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  const bool v6 = address.ss_family == AF_INET6;
  return ntohs(v6 ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                  : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

}  // namespace

Result<Listener> listen_on(const std::string& address) {
  const AddressInfo info = resolve(address);
  if (!info) {
    return fail(
        fmt::format("cannot listen on \"{}\": it is ADDRESS:PORT with a numeric address, such as 127.0.0.1:9464 "
                    "or [::1]:9464, or off",
                    address),
        ErrorKind::usage);
  }
  Listener listener{.socket = FileDescriptor(socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
                    .port = 0};
  const int fd = listener.socket.get();
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (fd < 0 || bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, kBacklog) != 0) {
    const char* hint = errno == EADDRINUSE ? "; another program listens there: choose another port or \"off\"" : "";
    return fail(fmt::format("cannot listen on {}: {}{}", address, std::strerror(errno), hint));
  }
  listener.port = bound_port(fd);
  return listener;
}

}  // namespace kpulse::metrics
