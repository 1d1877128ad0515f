// A strict HTTP server with scripted answers, for what a real database cannot be made to say.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/handle.h"

namespace kpulse::test {

struct Seen {
  std::string method;
  std::string target;
  std::string headers;
  std::string body;
};

/// Answers requests in order with what was scripted, then with 204. /ping is answered as `version` and is not recorded.
class StandIn {
 public:
  explicit StandIn(std::string version = "1.6.7");
  ~StandIn();

  /// Raw status line, headers and body; "" resets the connection, "hang" never answers.
  void script(std::vector<std::string> answers);

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::vector<Seen> seen();
  /// Waits until so many requests came; false when that takes more than 10 s.
  [[nodiscard]] bool wait_for(std::size_t requests);
  /// Requests that were not well-formed.
  [[nodiscard]] int mistakes() const { return mistakes_; }

 private:
  void serve();
  void converse(int fd);
  bool answer(int fd, const Seen& request);

  const std::string version_;
  FileDescriptor listener_;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<int> mistakes_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> script_;
  std::vector<Seen> seen_;
  std::thread thread_;
};

/// "HTTP/1.1 <status>" with a length and a body.
[[nodiscard]] std::string http_answer(const std::string& status, const std::string& body = "",
                                      const std::string& header = "");

}  // namespace kpulse::test
