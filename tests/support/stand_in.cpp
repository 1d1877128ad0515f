#include "support/stand_in.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

namespace kpulse::test {
namespace {

constexpr int kPollMs = 20;

bool readable(int fd, const std::atomic<bool>& stop) {
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  while (!stop) {
    if (::poll(&waiting, 1, kPollMs) > 0) return true;
  }
  return false;
}

bool read_more(int fd, const std::atomic<bool>& stop, std::string& buffer) {
  std::array<char, 65536> piece{};
  if (!readable(fd, stop)) return false;
  const ssize_t got = ::recv(fd, piece.data(), piece.size(), 0);
  if (got <= 0) return false;
  buffer.append(piece.data(), static_cast<std::size_t>(got));
  return true;
}

std::size_t length_of(const std::string& headers) {
  const auto at = headers.find("\r\nContent-Length: ");
  return at == std::string::npos ? 0 : static_cast<std::size_t>(std::strtoull(headers.c_str() + at + 18, nullptr, 10));
}

}  // namespace

std::string http_answer(const std::string& status, const std::string& body, const std::string& header) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + header + "\r\n" + body;
}

StandIn::StandIn(std::string version)
    : version_(std::move(version)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 8) != 0)
    throw std::runtime_error("no port");
  ::getsockname(listener_.get(), generic, &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

StandIn::~StandIn() {
  stop_ = true;
  thread_.join();
}

void StandIn::script(std::vector<std::string> answers) {
  const std::lock_guard lock(mutex_);
  script_.assign(answers.begin(), answers.end());
}

std::vector<Seen> StandIn::seen() {
  const std::lock_guard lock(mutex_);
  return seen_;
}

bool StandIn::wait_for(std::size_t requests) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return seen_.size() >= requests; });
}

void StandIn::serve() {
  while (readable(listener_.get(), stop_)) {
    const FileDescriptor connection(::accept(listener_.get(), nullptr, nullptr));
    if (connection) converse(connection.get());
  }
}

void StandIn::converse(int fd) {
  std::string buffer;
  for (;;) {
    while (buffer.find("\r\n\r\n") == std::string::npos) {
      if (!read_more(fd, stop_, buffer)) return;
    }
    const std::size_t end = buffer.find("\r\n\r\n");
    Seen request{
        .method = buffer.substr(0, buffer.find(' ')), .target = {}, .headers = buffer.substr(0, end + 2), .body = {}};
    const std::size_t from = request.method.size() + 1;
    request.target = buffer.substr(from, buffer.find(' ', from) - from);
    const std::size_t length = length_of(request.headers);
    while (buffer.size() < end + 4 + length) {
      if (!read_more(fd, stop_, buffer)) return;
    }
    request.body = buffer.substr(end + 4, length);
    buffer.erase(0, end + 4 + length);
    const bool strict = request.headers.find(" HTTP/1.1\r\n") != std::string::npos &&
                        request.headers.find("\r\nHost: ") != std::string::npos &&
                        request.headers.find("\r\nExpect:") == std::string::npos;
    if (!strict) ++mistakes_;
    if (!answer(fd, request)) return;
  }
}

/// False when the connection is over.
bool StandIn::answer(int fd, const Seen& request) {
  std::string text = http_answer("204 No Content", "", "X-Influxdb-Version: " + version_ + "\r\n");
  if (request.target != "/ping") {
    const std::lock_guard lock(mutex_);
    if (!script_.empty()) {
      text = script_.front();
      script_.pop_front();
    }
    seen_.push_back(request);
  }
  changed_.notify_all();
  if (text == "hang") {
    while (!stop_ && !readable(fd, stop_)) {
    }
    return false;
  }
  if (text.empty()) {
    const linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    return false;
  }
  return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

}  // namespace kpulse::test
