// A keep-alive HTTP connection to a database, for reading (libcurl).
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>

#include "base/handle.h"
#include "base/result.h"

namespace kpulse::cli {

/// Where the database is and how to be let in. A token wins over user name and password.
struct InfluxTarget {
  std::string url = "http://127.0.0.1:8086";
  std::string database = "kpulse";
  std::string token;
  std::string username;
  std::string password;
};

struct HttpReply {
  long status = 0;
  std::string body;
  std::string influx_version;  ///< header X-Influxdb-Version, empty without one
};

/// One thread at a time. A reply larger than 16 MiB or slower than 10 s is an error.
class Http {
 public:
  [[nodiscard]] static Result<Http> open(InfluxTarget target);

  /// GET of a path under the target's URL. An Error only when there was no answer at all.
  [[nodiscard]] Result<HttpReply> get(std::string_view path);

  /// `text` as part of a query string.
  [[nodiscard]] static std::string escape(std::string_view text);

  [[nodiscard]] const InfluxTarget& target() const noexcept { return target_; }

 private:
  using Easy = Handle<CURL, curl_easy_cleanup>;
  using Headers = Handle<curl_slist, curl_slist_free_all>;

  Http(InfluxTarget target, Easy easy, Headers headers);
  void apply_options();

  InfluxTarget target_;
  Headers headers_;
  Easy easy_;
};

}  // namespace kpulse::cli
