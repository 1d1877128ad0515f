// A database to read from.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/client.h"

namespace kpulse::cli {

/// Where the database is and how to be let in. A token wins over user name and password.
struct InfluxTarget {
  std::string url = "http://127.0.0.1:8086";
  std::string database = "kpulse";
  std::string token;
  std::string username;
  std::string password;
};

/// One thread at a time. An answer larger than 16 MiB or slower than 10 s is an error.
class Database {
 public:
  [[nodiscard]] static Result<Database> open(InfluxTarget target);

  /// GET of a path under the target's URL. An Error only when there was no answer at all.
  [[nodiscard]] Result<http::Response> get(std::string_view path);

  [[nodiscard]] const InfluxTarget& target() const noexcept { return target_; }

 private:
  explicit Database(InfluxTarget target);

  InfluxTarget target_;
  std::unique_ptr<http::Client> client_;
};

}  // namespace kpulse::cli
