// One kept-alive HTTP connection (libcurl), used by one thread, that another thread can abort at once.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <chrono>
#include <string_view>

#include "base/handle.h"
#include "http/request.h"

namespace kpulse::http {

class Client {
 public:
  /// Transfers end as soon as `abort` is true and wake() was called. The flag must outlive the client.
  Client(Options options, const std::atomic<bool>& abort);
  /// A client that only its time limits end.
  explicit Client(Options options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  [[nodiscard]] Response get(const Request& request, std::chrono::milliseconds timeout);
  /// The body is not copied; it must stay valid during the call.
  [[nodiscard]] Response post(const Request& request, std::string_view body, std::chrono::milliseconds timeout);

  /// Makes a transfer look at the flag. Any thread.
  void wake() noexcept;

 private:
  Response transfer(const Request& request, std::chrono::milliseconds timeout, curl_slist* headers);
  CURLcode run();

  const Options options_;
  const std::atomic<bool>& abort_;
  Handle<CURLM, curl_multi_cleanup> multi_;
  Handle<CURL, curl_easy_cleanup> easy_;
};

}  // namespace kpulse::http
