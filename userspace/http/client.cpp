#include "http/client.h"

#include <strings.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <mutex>

#include "http/url.h"

namespace kpulse::http {
namespace {

constexpr long kConnectTimeoutMs = 5'000;
constexpr long kUploadBufferBytes = 512L << 10U;
constexpr int kPollMs = 1'000;
constexpr std::size_t kMaxHeader = 64;

const std::atomic<bool> kNever{false};

using Headers = Handle<curl_slist, curl_slist_free_all>;

Headers make_headers(const Request& request) {
  // Expect: 100-continue would cost a round trip per batch.
  Headers list(curl_slist_append(nullptr, "Expect:"));
  for (const std::string& header : request.headers) {
    if (curl_slist* longer = curl_slist_append(list.get(), header.c_str()); longer != nullptr && !list)
      list.reset(longer);
  }
  return list;
}

/// An answer on its way.
struct Incoming {
  const Options& options;
  Response response;
};

extern "C" {

std::size_t kpulse_http_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& [options, response] = *static_cast<Incoming*>(user);
  const std::size_t room = options.max_body - response.body.size();
  response.cut_short = response.cut_short || size * count > room;
  response.body.append(data, std::min(size * count, room));
  return size * count;
}

std::size_t kpulse_http_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& [options, response] = *static_cast<Incoming*>(user);
  const std::string_view line(data, size * count);
  const std::string& name = options.header;
  if (!name.empty() && line.size() > name.size() && line[name.size()] == ':' &&
      strncasecmp(line.data(), name.data(), name.size()) == 0) {
    response.header = line.substr(name.size() + 1, kMaxHeader);
    std::erase_if(response.header, [](unsigned char c) { return std::isgraph(c) == 0; });
  }
  return size * count;
}

}  // extern "C"

void init_curl_once() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

Client::Client(Options options, const std::atomic<bool>& abort) : options_(std::move(options)), abort_(abort) {
  init_curl_once();
  multi_.reset(curl_multi_init());
  easy_.reset(curl_easy_init());
}

Client::Client(Options options) : Client(std::move(options), kNever) {}

Client::~Client() = default;

Response Client::get(const Request& request, std::chrono::milliseconds timeout) {
  curl_easy_reset(easy_.get());
  const Headers headers = make_headers(request);
  return transfer(request, timeout, headers.get());
}

Response Client::post(const Request& request, std::string_view body, std::chrono::milliseconds timeout) {
  curl_easy_reset(easy_.get());
  curl_easy_setopt(easy_.get(), CURLOPT_POST, 1L);
  curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  const Headers headers = make_headers(request);
  return transfer(request, timeout, headers.get());
}

Response Client::transfer(const Request& request, std::chrono::milliseconds timeout, curl_slist* headers) {
  CURL* easy = easy_.get();
  Incoming incoming{.options = options_, .response = {}};
  std::array<char, CURL_ERROR_SIZE> reason{};
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason.data());
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBufferBytes);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, kpulse_http_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &incoming);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, kpulse_http_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &incoming);
  if (is_loopback(request.url)) curl_easy_setopt(easy, CURLOPT_PROXY, "");
  if (!request.username.empty()) {
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_USERNAME, request.username.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, request.password.c_str());
  }
  const CURLcode code = run();
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);
  Response response = std::move(incoming.response);
  if (code != CURLE_OK) {
    response.error = reason[0] != '\0' ? reason.data() : curl_easy_strerror(code);
    return response;
  }
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &response.status);
  curl_off_t retry_after = 0;
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
  constexpr curl_off_t kDay = 86'400;
  response.retry_after = std::chrono::seconds(std::clamp<curl_off_t>(retry_after, 0, kDay));
  return response;
}

/// curl_easy_perform, but another thread can end it: the multi handle waits on a descriptor that wake() writes to.
CURLcode Client::run() {
  if (curl_multi_add_handle(multi_.get(), easy_.get()) != CURLM_OK) return CURLE_FAILED_INIT;
  CURLcode code = CURLE_ABORTED_BY_CALLBACK;
  for (int running = 1; !abort_;) {
    if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) break;
    if (running == 0) {
      int left = 0;
      if (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) code = message->data.result;
      break;
    }
    curl_multi_poll(multi_.get(), nullptr, 0, kPollMs, nullptr);
  }
  curl_multi_remove_handle(multi_.get(), easy_.get());
  return code;
}

void Client::wake() noexcept {
  curl_multi_wakeup(multi_.get());
}

}  // namespace kpulse::http
