// One kept-alive HTTP connection (libcurl), used by one thread, that another thread can abort at once.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "base/handle.h"
#include "influx/dialect.h"

namespace kpulse::influx {

struct Response {
  long status = 0;             ///< 0: no answer
  std::string body;            ///< at most kMaxBody bytes; the rest is discarded
  std::string error;           ///< why there is no answer
  std::string influx_version;  ///< header X-Influxdb-Version
  std::chrono::milliseconds retry_after{0};
};

class HttpClient {
 public:
  static constexpr std::size_t kMaxBody = 64U << 10U;

  /// Transfers end as soon as `abort` is true and wake() was called. The flag must outlive the client.
  explicit HttpClient(const std::atomic<bool>& abort);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  [[nodiscard]] Response get(const Request& request, std::chrono::milliseconds timeout);
  /// The body is not copied; it must stay valid during the call.
  [[nodiscard]] Response post(const Request& request, std::string_view body, std::chrono::milliseconds timeout);

  /// Makes a transfer look at the flag. Any thread.
  void wake() noexcept;

 private:
  Response transfer(const Request& request, std::chrono::milliseconds timeout, curl_slist* headers);
  CURLcode run();

  const std::atomic<bool>& abort_;
  Handle<CURLM, curl_multi_cleanup> multi_;
  Handle<CURL, curl_easy_cleanup> easy_;
};

}  // namespace kpulse::influx
