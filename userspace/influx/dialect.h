// What the versions of InfluxDB want to be asked, as data. Pure: no sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/request.h"

namespace kpulse::influx {

enum class Version : std::uint8_t { v1 = 1, v2 = 2, v3 = 3 };

/// Where the database is and who is asking.
struct Server {
  std::string url = "http://127.0.0.1:8086";
  std::string database = "kpulse";  ///< 1.x and 3
  std::string policy;               ///< 1.x: retention policy to write into; empty: the database's default
  std::string org;                  ///< 2.x
  std::string bucket;               ///< 2.x
  std::string token;
  std::string username;  ///< 1.x
  std::string password;  ///< 1.x
};

using http::Request;

/// The header that names the server's version.
inline constexpr const char* kVersionHeader = "X-Influxdb-Version";

/// Line protocol, ns stamps: /write, /api/v2/write or /api/v3/write_lp.
[[nodiscard]] Request write_request(Version version, const Server& server);

/// A query in the body: InfluxQL as form on 1.x, Flux on 2.x.
[[nodiscard]] Request query_request(Version version, const Server& server);

/// GET: what /ping and /health are asked for the version.
[[nodiscard]] Request get_request(const Server& server, std::string_view path);

/// "1.6.7", "v2.7.1", "3.0.0-beta" -> the version; nothing when it is none of them.
[[nodiscard]] std::optional<Version> parse_version(std::string_view text) noexcept;

/// The version out of the JSON that /health or /ping answers with.
[[nodiscard]] std::optional<Version> version_in_body(std::string_view json) noexcept;

/// What the configuration lets one guess when the server does not say: a bucket means 2.x, else 1.x.
[[nodiscard]] Version guess_version(const Server& server) noexcept;

/// http:// or https://, a host, no query; the error says what is wrong.
[[nodiscard]] Result<> check_url(std::string_view url);

}  // namespace kpulse::influx
