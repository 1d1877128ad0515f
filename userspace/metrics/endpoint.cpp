#include "metrics/endpoint.h"

#include <microhttpd.h>

#include <exception>
#include <string_view>

#include "base/handle.h"
#include "base/log.h"
#include "base/signals.h"
#include "metrics/listener.h"

namespace kpulse::metrics {
namespace {

using Daemon = Handle<MHD_Daemon, MHD_stop_daemon>;
using Response = Handle<MHD_Response, MHD_destroy_response>;

constexpr unsigned kMaxConnections = 8;
constexpr unsigned kTimeoutSeconds = 5;
constexpr std::size_t kConnectionMemory = 8U << 10U;
constexpr std::size_t kStack = 256U << 10U;

MHD_Result reply(MHD_Connection* connection, unsigned status, std::string_view body, std::string_view type) {
  // The library copies; its parameter lacks a const.
  const Response response(
      MHD_create_response_from_buffer(body.size(), const_cast<char*>(body.data()), MHD_RESPMEM_MUST_COPY));
  if (!response) return MHD_NO;
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE, std::string(type).c_str());
  if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
    MHD_add_response_header(response.get(), MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  return MHD_queue_response(connection, status, response.get());
}

MHD_Result answer(void* context, MHD_Connection* connection, const char* url, const char* method, const char*,
                  const char*, std::size_t*, void**) noexcept {
  constexpr std::string_view kPlain = "text/plain; charset=utf-8";
  try {
    const std::string_view verb = method;
    if (std::string_view(url) != "/metrics") {
      return reply(connection, MHD_HTTP_NOT_FOUND, "the numbers are at /metrics\n", kPlain);
    }
    if (verb != MHD_HTTP_METHOD_GET && verb != MHD_HTTP_METHOD_HEAD) {
      return reply(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n", kPlain);
    }
    const auto& registry = *static_cast<const Registry*>(context);
    return reply(connection, MHD_HTTP_OK, registry.prometheus(), "text/plain; version=0.0.4; charset=utf-8");
  } catch (const std::exception& error) {
    spdlog::error("metrics: a number could not be read: {}", error.what());
    return reply(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "a number could not be read\n", kPlain);
  }
}

Daemon start_daemon(int socket, const Registry& registry) {
  const BlockSignals block;
  return Daemon(MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, nullptr, nullptr, answer,
                                 const_cast<Registry*>(&registry), MHD_OPTION_LISTEN_SOCKET, socket,
                                 MHD_OPTION_CONNECTION_LIMIT, kMaxConnections, MHD_OPTION_CONNECTION_TIMEOUT,
                                 kTimeoutSeconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory,
                                 MHD_OPTION_THREAD_STACK_SIZE, kStack, MHD_OPTION_END));
}

}  // namespace

class Endpoint::Impl {
 public:
  Impl(Daemon daemon, std::uint16_t port) : port_(port), daemon_(std::move(daemon)) {}

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  std::uint16_t port_;
  Daemon daemon_;
};

Endpoint::Endpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Endpoint::~Endpoint() = default;

std::uint16_t Endpoint::port() const noexcept {
  return impl_ ? impl_->port() : 0;
}

Result<std::unique_ptr<Endpoint>> Endpoint::start(const std::string& listen, const Registry& registry) {
  if (listen == "off") return std::unique_ptr<Endpoint>(new Endpoint(nullptr));
  auto listener = listen_on(listen);
  if (!listener) return fail(std::move(listener).error().with("metrics"));
  Daemon daemon = start_daemon(listener->socket.get(), registry);
  if (!daemon) return fail("metrics: cannot start the HTTP server on " + listen);
  // From here on the daemon closes the socket.
  static_cast<void>(listener->socket.release());
  return std::unique_ptr<Endpoint>(new Endpoint(std::make_unique<Impl>(std::move(daemon), listener->port)));
}

}  // namespace kpulse::metrics
