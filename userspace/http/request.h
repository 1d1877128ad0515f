// What is asked over HTTP and what comes back.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace kpulse::http {

/// One request without its body.
struct Request {
  std::string url;
  std::vector<std::string> headers;
  std::string username;  ///< basic authentication when not empty
  std::string password;
};

struct Response {
  long status = 0;         ///< 0: no answer
  std::string body;        ///< at most Options::max_body bytes
  bool cut_short = false;  ///< the body was longer; the rest was discarded
  std::string error;       ///< why there is no answer
  std::string header;      ///< value of Options::header, printable and short
  std::chrono::milliseconds retry_after{0};
};

struct Options {
  std::size_t max_body = 64U << 10U;
  std::string header;  ///< name of a header to be handed out; empty for none
};

}  // namespace kpulse::http
