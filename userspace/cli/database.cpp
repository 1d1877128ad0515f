#include "cli/database.h"

#include <fmt/format.h>

#include <chrono>

namespace kpulse::cli {
namespace {

constexpr std::size_t kMaxAnswerBytes = 16U << 20U;
constexpr std::chrono::seconds kTimeout{10};

bool valid_url(std::string_view url) {
  return (url.starts_with("http://") || url.starts_with("https://")) && url.size() > 8;
}

http::Request request_of(const InfluxTarget& target, std::string_view path) {
  http::Request request{.url = target.url, .headers = {"Accept: application/json"}, .username = {}, .password = {}};
  request.url.append(path);
  if (!target.token.empty()) {
    request.headers.push_back("Authorization: Token " + target.token);
  } else {
    request.username = target.username;
    request.password = target.password;
  }
  return request;
}

}  // namespace

Database::Database(InfluxTarget target)
    : target_(std::move(target)),
      client_(
          std::make_unique<http::Client>(http::Options{.max_body = kMaxAnswerBytes, .header = "X-Influxdb-Version"})) {}

Result<Database> Database::open(InfluxTarget target) {
  if (!valid_url(target.url)) {
    return fail(fmt::format("database URL '{}': allowed is http://HOST:PORT or https://HOST:PORT", target.url),
                ErrorKind::usage);
  }
  while (target.url.ends_with('/')) target.url.pop_back();
  return Database(std::move(target));
}

Result<http::Response> Database::get(std::string_view path) {
  http::Response response = client_->get(request_of(target_, path), kTimeout);
  if (response.status == 0) return fail(fmt::format("{}: {}", target_.url, response.error));
  if (response.cut_short) return fail(fmt::format("{}: an answer of more than 16 MiB", target_.url));
  return response;
}

}  // namespace kpulse::cli
