#include "cli/http.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace kpulse::cli {
namespace {

constexpr std::size_t kMaxReplyBytes = 16U << 20U;
constexpr long kTimeoutMs = 10'000;
constexpr std::string_view kVersionHeader = "x-influxdb-version:";

std::size_t take_body(const char* data, std::size_t size, std::size_t count, void* reply) noexcept {
  auto& body = static_cast<HttpReply*>(reply)->body;
  if (body.size() + size * count > kMaxReplyBytes) return 0;
  body.append(data, size * count);
  return size * count;
}

std::size_t take_header(const char* data, std::size_t size, std::size_t count, void* reply) noexcept {
  const std::string_view line(data, size * count);
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  if (line.size() > kVersionHeader.size() && std::equal(kVersionHeader.begin(), kVersionHeader.end(), line.begin(),
                                                        [&](char want, char have) { return same(have, want); })) {
    std::string value(line.substr(kVersionHeader.size(), 64));
    std::erase_if(value, [](unsigned char c) { return std::isgraph(c) == 0; });
    static_cast<HttpReply*>(reply)->influx_version = std::move(value);
  }
  return size * count;
}

bool valid_url(std::string_view url) {
  return (url.starts_with("http://") || url.starts_with("https://")) && url.size() > 8;
}

}  // namespace

Http::Http(InfluxTarget target, Easy easy, Headers headers)
    : target_(std::move(target)), headers_(std::move(headers)), easy_(std::move(easy)) {}

Result<Http> Http::open(InfluxTarget target) {
  if (!valid_url(target.url)) {
    return fail(fmt::format("database URL '{}': allowed is http://HOST:PORT or https://HOST:PORT", target.url),
                ErrorKind::usage);
  }
  while (target.url.ends_with('/')) target.url.pop_back();
  Easy easy(curl_easy_init());
  if (easy == nullptr) return fail("libcurl cannot be initialised");
  Headers headers(curl_slist_append(nullptr, "Accept: application/json"));
  if (!target.token.empty()) {
    const std::string line = "Authorization: Token " + target.token;
    curl_slist_append(headers.get(), line.c_str());
  }
  Http http(std::move(target), std::move(easy), std::move(headers));
  http.apply_options();
  return http;
}

void Http::apply_options() {
  CURL* curl = easy_.get();
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_.get());
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kTimeoutMs);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take_body);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &take_header);
  if (target_.token.empty() && !target_.username.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    curl_easy_setopt(curl, CURLOPT_USERNAME, target_.username.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, target_.password.c_str());
  }
}

Result<HttpReply> Http::get(std::string_view path) {
  HttpReply reply;
  std::array<char, CURL_ERROR_SIZE> reason{};
  const std::string url = target_.url + std::string(path);
  CURL* curl = easy_.get();
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason.data());
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reply);
  const CURLcode code = curl_easy_perform(curl);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  if (code != CURLE_OK) {
    return fail(fmt::format("{}: {}", target_.url, reason[0] != '\0' ? reason.data() : curl_easy_strerror(code)));
  }
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
  return reply;
}

std::string Http::escape(std::string_view text) {
  std::string out;
  out.reserve(text.size() * 3);
  for (const char character : text) {
    const auto c = static_cast<unsigned char>(character);
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      out.push_back(character);
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", c);
    }
  }
  return out;
}

}  // namespace kpulse::cli
