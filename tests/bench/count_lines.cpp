// A database that only counts: reads write requests as cheaply as possible and accepts them all. Prints its port; then,
// for every line on standard input, what it has counted; ends when standard input does.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "support/net.h"

namespace {

using namespace kpulse;

constexpr std::size_t kBuffer = 256U << 10U;
constexpr std::string_view kEndOfHead = "\r\n\r\n";

std::atomic<std::uint64_t> lines{0}, bytes{0}, requests{0};

std::uint64_t newlines_in(std::string_view text) {
  std::uint64_t count = 0;
  const char* end = text.data() + text.size();
  for (const char* at = text.data();; ++at, ++count) {
    at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    if (at == nullptr) return count;
  }
}

std::size_t content_length(std::string_view head) {
  constexpr std::string_view kName = "\r\nContent-Length: ";
  std::size_t length = 0;
  if (const auto at = head.find(kName); at != std::string_view::npos) {
    std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), length);
  }
  return length;
}

/// One connection; its client sends a request at a time.
class Connection {
 public:
  explicit Connection(FileDescriptor socket) : socket_(std::move(socket)), buffer_(kBuffer) {}

  void serve() {
    while (read_head() && read_body() && answer()) {
    }
  }

 private:
  bool more() {
    const ssize_t got = recv(socket_.get(), buffer_.data() + used_, buffer_.size() - used_, 0);
    if (got <= 0) return false;
    used_ += static_cast<std::size_t>(got);
    return true;
  }

  bool read_head() {
    for (;;) {
      const std::string_view text(buffer_.data(), used_);
      if (const auto end = text.find(kEndOfHead); end != std::string_view::npos) {
        const std::string_view head = text.substr(0, end);
        is_write_ = head.starts_with("POST /write");
        is_query_ = head.find(" /query") != std::string_view::npos;
        body_left_ = content_length(head);
        consume(end + kEndOfHead.size());
        return true;
      }
      if (used_ == buffer_.size() || !more()) return false;
    }
  }

  bool read_body() {
    while (body_left_ > 0) {
      if (used_ == 0 && !more()) return false;
      const std::size_t part = std::min(used_, body_left_);
      if (is_write_) {
        lines += newlines_in({buffer_.data(), part});
        bytes += part;
      }
      body_left_ -= part;
      consume(part);
    }
    return true;
  }

  bool answer() {
    requests += is_write_ ? 1 : 0;
    const std::string_view text =
        is_query_ ? "HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n{\"results\":[{\"statement_id\":0}]}\n"
                  : "HTTP/1.1 204 No Content\r\nX-Influxdb-Version: 1.6.7\r\n\r\n";
    return send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }

  void consume(std::size_t count) {
    used_ -= count;
    if (used_ > 0) std::memmove(buffer_.data(), buffer_.data() + count, used_);
  }

  FileDescriptor socket_;
  std::vector<char> buffer_;
  std::size_t used_ = 0;
  std::size_t body_left_ = 0;
  bool is_write_ = false;
  bool is_query_ = false;
};

void accept_for_ever(int listener) {
  for (;;) {
    FileDescriptor socket(accept(listener, nullptr, nullptr));
    if (!socket) return;
    std::thread([](FileDescriptor taken) { Connection(std::move(taken)).serve(); }, std::move(socket)).detach();
  }
}

}  // namespace

int main() {
  const test::Listener listener = test::listen_on_loopback();
  std::thread(accept_for_ever, listener.socket.get()).detach();
  std::cout << nlohmann::json{{"port", listener.port}}.dump() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const nlohmann::json counted{
        {"lines", lines.load()}, {"bytes", bytes.load()}, {"requests", requests.load()}, {"cpu_ns", process_cpu_ns()}};
    std::cout << counted.dump() << std::endl;
  }
  std::cout.flush();
  _exit(0);  // the threads of open connections wait for ever
}
