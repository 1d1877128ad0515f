#include "influx/dialect.h"

#include <fmt/format.h>

#include "http/url.h"

namespace kpulse::influx {
namespace {

std::string base_of(const Server& server) {
  std::string_view url = server.url;
  while (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

/// Credentials of a request: 1.x takes user and password, 2.x and 3 a token; a token given for 1.x (1.8, proxies) is
/// sent too.
Request authorised(Version version, const Server& server, std::string url) {
  Request request{.url = std::move(url), .headers = {}, .username = {}, .password = {}};
  if (!server.token.empty()) {
    const std::string_view scheme = version == Version::v3 ? "Bearer" : "Token";
    request.headers.push_back(fmt::format("Authorization: {} {}", scheme, server.token));
  } else if (version == Version::v1) {
    request.username = server.username;
    request.password = server.password;
  }
  return request;
}

}  // namespace

Request write_request(Version version, const Server& server) {
  std::string url = base_of(server);
  switch (version) {
    case Version::v1:
      url += fmt::format("/write?db={}", http::escape(server.database));
      if (!server.policy.empty()) url += fmt::format("&rp={}", http::escape(server.policy));
      url += "&precision=ns";
      break;
    case Version::v2:
      url += fmt::format("/api/v2/write?org={}&bucket={}&precision=ns", http::escape(server.org),
                         http::escape(server.bucket));
      break;
    case Version::v3:
      url += fmt::format("/api/v3/write_lp?db={}&precision=nanosecond&accept_partial=true&no_sync=true",
                         http::escape(server.database));
      break;
  }
  Request request = authorised(version, server, std::move(url));
  request.headers.emplace_back("Content-Type: text/plain; charset=utf-8");
  return request;
}

Request query_request(Version version, const Server& server) {
  if (version == Version::v2) {
    Request request =
        authorised(version, server, fmt::format("{}/api/v2/query?org={}", base_of(server), http::escape(server.org)));
    request.headers.emplace_back("Content-Type: application/vnd.flux");
    return request;
  }
  Request request = authorised(version, server, base_of(server) + "/query");
  request.headers.emplace_back("Content-Type: application/x-www-form-urlencoded");
  return request;
}

Request get_request(const Server& server, std::string_view path) {
  return {.url = base_of(server).append(path), .headers = {}, .username = {}, .password = {}};
}

std::optional<Version> parse_version(std::string_view text) noexcept {
  while (text.starts_with(' ')) text.remove_prefix(1);
  if (text.starts_with('v')) text.remove_prefix(1);
  if (text.size() < 2 || text[1] != '.' || text[0] < '1' || text[0] > '3') return std::nullopt;
  return static_cast<Version>(text[0] - '0');
}

std::optional<Version> version_in_body(std::string_view json) noexcept {
  constexpr std::string_view kKey = "\"version\"";
  const auto key = json.find(kKey);
  if (key == std::string_view::npos) return std::nullopt;
  json.remove_prefix(key + kKey.size());
  const auto quote = json.find('"');
  if (quote == std::string_view::npos) return std::nullopt;
  return parse_version(json.substr(quote + 1));
}

Version guess_version(const Server& server) noexcept {
  return server.bucket.empty() ? Version::v1 : Version::v2;
}

Result<> check_url(std::string_view url) {
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return fail("must begin with http:// or https://", ErrorKind::usage);
  if (http::host_of(url).empty()) return fail("has no host", ErrorKind::usage);
  if (url.find_first_of("?# \n\r\t") != std::string_view::npos) {
    return fail("must be scheme, host, port and path only", ErrorKind::usage);
  }
  return {};
}

}  // namespace kpulse::influx
