#include "mqtt/session.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "mqtt/cork.h"
#include "mqtt/setup.h"

namespace kpulse::mqtt {
namespace {

// Packets read before the thread looks at its own queue again.
constexpr int kReadBudget = 256;

// With one of these the library keeps a message of QoS 1 and sends it again after the next connect.
bool kept(int status) {
  return status == MOSQ_ERR_SUCCESS || status == MOSQ_ERR_NO_CONN || status == MOSQ_ERR_CONN_LOST ||
         status == MOSQ_ERR_ERRNO || status == MOSQ_ERR_TLS;
}

}  // namespace

Session::Session(const ClientOptions& options, Counters& counters)
    : options_(options), counters_(counters), greeting_(options.on_connect), greeting_ids_(greeting_.size()) {}

Result<std::unique_ptr<Session>> Session::create(const ClientOptions& options, Counters& counters) {
  std::unique_ptr<Session> session(new Session(options, counters));
  auto handle = create_handle(options, session.get());
  if (!handle) return fail(std::move(handle).error());
  session->handle_ = std::move(*handle);
  session->set_callbacks();
  return session;
}

void Session::set_greeting(std::vector<Message> messages) {
  greeting_ = std::move(messages);
  greeting_ids_.assign(greeting_.size(), 0);
  if (state_ == State::connected) greet();
}

void Session::connect() {
  refusal_.clear();
  tls_errors_.clear();
  state_ = State::connecting;
  tcp_pending_ = true;
  leaving_ = false;
  if (options_.broker.tls) capture_log(true);
  errno = 0;
  const int status =
      mosquitto_connect_async(handle_.get(), options_.broker.host.c_str(), options_.broker.port, options_.keepalive_s);
  check(status, errno);
}

void Session::disconnect() {
  if (state_ != State::connected) return;
  leaving_ = true;
  mosquitto_disconnect(handle_.get());
  check(MOSQ_ERR_SUCCESS, 0);
}

void Session::abandon(std::string_view reason) {
  if (state_ == State::closed) return;
  // The library has no call that closes its socket: end it from outside and let the library find out.
  if (const int fd = mosquitto_socket(handle_.get()); fd >= 0) {
    shutdown(fd, SHUT_RDWR);
    mosquitto_loop_read(handle_.get(), 1);
  }
  end(std::string(reason));
}

bool Session::has_room() const {
  return state_ == State::connected && !leaving_ && held_.size() < options_.max_inflight &&
         !mosquitto_want_write(handle_.get());
}

bool Session::idle() const {
  return held_.empty() && (state_ != State::connected || !mosquitto_want_write(handle_.get()));
}

void Session::publish(const Message& message) {
  hand_over(message);
}

int Session::hand_over(const Message& message) {
  Properties properties;
  if (options_.protocol == 5 && message.expiry_s > 0) properties.add_expiry(message.expiry_s);
  int id = 0;
  const int status =
      mosquitto_publish_v5(handle_.get(), &id, message.topic.c_str(), static_cast<int>(message.payload.size()),
                           message.payload.data(), message.qos, message.retain, properties.get());
  if (message.qos > 0 ? kept(status) : status == MOSQ_ERR_SUCCESS) {
    counters_.published.add();
    if (message.qos > 0) held_.insert(id);
    counters_.inflight.set(held_.size());
    return id;
  }
  counters_.publish_errors.add();
  if (std::uint64_t more = 0; publish_log_.allow(more)) {
    spdlog::warn("mqtt: cannot publish to {}: {} ({} more)", message.topic, mosquitto_strerror(status), more);
  }
  return 0;
}

int Session::socket() const {
  return state_ == State::closed ? -1 : mosquitto_socket(handle_.get());
}

short Session::events() const {
  // While TLS waits for its first flight the library does not ask for writability, but TCP may still be connecting.
  const bool write = tcp_pending_ || mosquitto_want_write(handle_.get());
  const int connecting = state_ == State::connecting ? POLLRDHUP : 0;
  return static_cast<short>(POLLIN | connecting | (write ? POLLOUT : 0));
}

std::size_t Session::service(short revents) {
  came_ = 0;
  if (state_ == State::closed || revents == 0) return 0;
  if (tcp_pending_ && tcp_failed()) return 0;
  const bool was_pending = std::exchange(tcp_pending_, false);
  if ((revents & (POLLIN | POLLHUP | POLLERR | POLLRDHUP)) != 0) read();
  // The library takes a connection that was reset during the TLS handshake for one that is still being made.
  const bool hung_up = (revents & (POLLHUP | POLLERR | POLLRDHUP)) != 0;
  if (state_ == State::connecting && hung_up) abandon("the broker closed the connection");
  if (state_ == State::closed) return came_;
  if (was_pending || mosquitto_want_write(handle_.get())) {
    errno = 0;
    const int status = mosquitto_loop_write(handle_.get(), 1);
    check(status, errno);
  }
  return came_;
}

bool Session::tcp_failed() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(mosquitto_socket(handle_.get()), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) abandon(std::strerror(error));
  return error != 0;
}

void Session::read() {
  // Only who subscribes has acknowledgements to send.
  std::optional<Cork> cork;
  if (!options_.subscriptions.empty()) cork.emplace(socket());
  for (int packets = 0; packets < kReadBudget && state_ != State::closed; ++packets) {
    errno = 0;
    const int status = mosquitto_loop_read(handle_.get(), 1);
    const int error_number = errno;
    check(status, error_number);
    if (error_number == EAGAIN) return;
  }
}

void Session::tick() {
  if (state_ == State::closed) return;
  errno = 0;
  const int status = mosquitto_loop_misc(handle_.get());
  check(status, errno);
}

void Session::check(int status, int error_number) {
  if (state_ == State::closed) return;
  if (status == MOSQ_ERR_SUCCESS && mosquitto_socket(handle_.get()) >= 0) return;
  end(explain(status, error_number));
}

void Session::end(const std::string& reason) {
  const bool lost = state_ == State::connected;
  state_ = State::closed;
  counters_.connected.store(false, std::memory_order_relaxed);
  if (leaving_) return;
  if (!lost) counters_.connect_failures.add();
  {
    const std::lock_guard lock(counters_.mutex);
    counters_.last_error = reason;
  }
  if (reason == logged_reason_ && !lost) return;
  logged_reason_ = reason;
  spdlog::warn("mqtt: {} {}:{}: {}; trying again", lost ? "lost the connection to" : "cannot connect to",
               options_.broker.host, options_.broker.port, reason);
}

std::string Session::explain(int status, int error_number) const {
  if (!refusal_.empty()) return refusal_;
  if (!tls_errors_.empty() && state_ == State::connecting) return "TLS: " + tls_errors_;
  switch (status) {
    case MOSQ_ERR_EAI:
      return gai_strerror(error_number);
    case MOSQ_ERR_KEEPALIVE:
      return "the broker does not answer";
    case MOSQ_ERR_ERRNO:
      if (error_number != 0) return std::strerror(error_number);
      [[fallthrough]];
    case MOSQ_ERR_SUCCESS:
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_CONN_LOST:
      return "the broker closed the connection";
    default:
      return mosquitto_strerror(status);
  }
}

}  // namespace kpulse::mqtt
