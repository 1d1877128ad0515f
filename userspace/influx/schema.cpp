#include "influx/schema.h"

#include <fmt/format.h>

#include <algorithm>

namespace kpulse::influx {
namespace {

constexpr std::chrono::seconds kTimeout{10};

bool already_there(std::string_view error) noexcept {
  return error.find("already exists") != std::string_view::npos ||
         error.find("conflicts with an existing policy") != std::string_view::npos;
}

}  // namespace

std::string error_in_body(std::string_view body) {
  constexpr std::string_view kKey = "\"error\":\"";
  constexpr std::size_t kMaxText = 200;
  const auto key = body.find(kKey);
  if (key == std::string_view::npos) return "";
  body.remove_prefix(key + kKey.size());
  std::string text;
  for (std::size_t i = 0; i < body.size() && body[i] != '"' && text.size() < kMaxText; ++i) {
    if (body[i] == '\\' && i + 1 < body.size()) ++i;
    text.push_back(body[i] >= ' ' && body[i] <= '~' ? body[i] : '?');
  }
  return text.empty() ? "unnamed error" : text;
}

Result<> create_database(http::Client& http, const Server& server, const Retention& retention) {
  const Request request = query_request(Version::v1, server);
  for (const std::string& statement : create_statements(server.database, retention)) {
    const http::Response response = http.post(request, form_of(statement), kTimeout);
    if (response.status == 0) return fail(response.error);
    const std::string error = error_in_body(response.body);
    if (!error.empty() && !already_there(error)) return fail(fmt::format("{}: {}", statement, error));
    if (error.empty() && response.status >= 300) return fail(fmt::format("{}: HTTP {}", statement, response.status));
  }
  return {};
}

}  // namespace kpulse::influx
