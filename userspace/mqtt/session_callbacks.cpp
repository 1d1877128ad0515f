// What libmosquitto calls back, always from within a call that the network thread made.
#include <fmt/format.h>

#include <exception>

#include "mqtt/session.h"

namespace kpulse::mqtt {
namespace {

constexpr std::size_t kMaxErrorText = 400;
constexpr int kFirstFailureReason = 0x80;

Session& self(void* context) {
  return *static_cast<Session*>(context);
}

}  // namespace

void Session::set_callbacks() {
  mosquitto* handle = handle_.get();
  mosquitto_connect_callback_set(handle, [](mosquitto*, void* me, int status) { self(me).on_connect(status); });
  mosquitto_message_callback_set(
      handle, [](mosquitto*, void* me, const mosquitto_message* message) { self(me).on_message(*message); });
  mosquitto_publish_v5_callback_set(handle, [](mosquitto*, void* me, int id, int reason, const mosquitto_property*) {
    self(me).on_publish(id, reason);
  });
  mosquitto_disconnect_callback_set(handle, [](mosquitto*, void* me, int reason) { self(me).on_disconnect(reason); });
  mosquitto_subscribe_callback_set(
      handle, [](mosquitto*, void* me, int, int count, const int* granted) { self(me).on_subscribe(count, granted); });
}

void Session::capture_log(bool on) {
  // Only while connecting: with a log callback the library formats a line for every packet.
  if (!on) return mosquitto_log_callback_set(handle_.get(), nullptr);
  mosquitto_log_callback_set(handle_.get(), [](mosquitto*, void* me, int level, const char* text) {
    std::string& errors = self(me).tls_errors_;
    if (level != MOSQ_LOG_ERR || errors.size() > kMaxErrorText) return;
    errors += errors.empty() ? text : std::string("; ") + text;
  });
}

void Session::on_connect(int status) {
  if (status != 0) {
    refusal_ = options_.protocol == 5 ? mosquitto_reason_string(status) : mosquitto_connack_string(status);
    return;
  }
  if (options_.broker.tls) capture_log(false);
  state_ = State::connected;
  counters_.connects.add();
  counters_.connected.store(true, std::memory_order_relaxed);
  logged_reason_.clear();
  spdlog::info("mqtt: connected to {}:{}", options_.broker.host, options_.broker.port);
  subscribe();
  greet();
}

void Session::on_disconnect(int reason) {
  // Below this the number is the library's own; check() sees it too. Above, it is what an MQTT 5 broker gave as its
  // reason.
  if (reason >= kFirstFailureReason) refusal_ = mosquitto_reason_string(reason);
}

void Session::subscribe() {
  for (const std::string& filter : options_.subscriptions) {
    if (const int status = mosquitto_subscribe(handle_.get(), nullptr, filter.c_str(), 1); status != MOSQ_ERR_SUCCESS) {
      spdlog::error("mqtt: cannot subscribe to {}: {}", filter, mosquitto_strerror(status));
    }
  }
}

void Session::greet() {
  for (std::size_t i = 0; i < greeting_.size(); ++i) {
    // One that was not acknowledged on the last connection is sent again by the library; a second would pile up.
    if (held_.contains(greeting_ids_[i])) continue;
    greeting_ids_[i] = hand_over(greeting_[i]);
  }
}

void Session::on_message(const mosquitto_message& message) {
  if (!options_.on_message) return;
  counters_.received.add();
  ++came_;
  const std::string_view payload(static_cast<const char*>(message.payload),
                                 static_cast<std::size_t>(message.payloadlen));
  std::string what;
  try {
    options_.on_message(message.topic, message.payload != nullptr ? payload : std::string_view(), message.retain);
    return;
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
    what = "unknown exception";
  }
  counters_.callback_errors.add();
  if (std::uint64_t more = 0; callback_log_.allow(more)) {
    spdlog::error("mqtt: message on {} was not handled: {} ({} more)", message.topic, what, more);
  }
}

void Session::on_publish(int id, int reason) {
  if (held_.erase(id) == 0) return;
  counters_.inflight.set(held_.size());
  counters_.acknowledged.add();
  if (reason < kFirstFailureReason) return;
  counters_.publish_errors.add();
  if (std::uint64_t more = 0; publish_log_.allow(more)) {
    spdlog::warn("mqtt: the broker refused a message: {} ({} more)", mosquitto_reason_string(reason), more);
  }
}

void Session::on_subscribe(int count, const int* granted) {
  for (int i = 0; i < count; ++i) {
    if (granted[i] >= kFirstFailureReason) spdlog::error("mqtt: the broker refused a subscription (check its ACL)");
  }
}

}  // namespace kpulse::mqtt
