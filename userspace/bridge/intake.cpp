#include "bridge/intake.h"

#include <fmt/format.h>

#include "mqtt/topics.h"

namespace kpulse::bridge {
namespace {

constexpr std::size_t kEntryBytes = 192;  ///< what a queued message costs besides its payload

}  // namespace

void Intake::receive(std::string_view topic, std::string_view payload) {
  const auto parsed = mqtt::parse_topic(topic);
  const bool is_state = parsed && parsed->what == "state";
  if (!parsed || (!is_state && parsed->what != "frame")) {
    ++stats_.unknown_topic;
    return;
  }
  ++(is_state ? stats_.states : stats_.frames);
  if (payload.size() > kMaxMessageBytes) {
    return reject(parsed->host, {.reason = Reject::oversized, .detail = fmt::format("{} bytes", payload.size())});
  }
  Received received = take_spare();
  received.host.assign(parsed->host);
  received.payload.assign(payload);
  received.is_state = is_state;
  queue_.push(std::move(received), payload.size() + parsed->host.size() + kEntryBytes);
}

/// A payload is too large for malloc's caches of a thread and freed on another one: with both threads at work that
/// costs more than the copy.
Received Intake::take_spare() {
  const std::lock_guard lock(spares_mutex_);
  if (spares_.empty()) return {};
  Received spare = std::move(spares_.back());
  spares_.pop_back();
  return spare;
}

void Intake::recycle(Received&& received) {
  if (received.payload.capacity() > kMaxSpareBytes) return;
  const std::lock_guard lock(spares_mutex_);
  if (spares_.size() < kMaxSpares) spares_.push_back(std::move(received));
}

const Frame* Intake::frame_of(const Received& received) {
  const auto frame = decoder_.decode(received.payload, received.host);
  if (frame) return *frame;
  reject(received.host, frame.error());
  return nullptr;
}

std::optional<State> Intake::state_of(const Received& received) {
  // An empty retained message is how a broker is told to forget one.
  if (received.payload.empty()) return std::nullopt;
  auto state = decode_state(received.payload, received.host);
  if (state) return std::move(*state);
  reject(received.host, state.error());
  return std::nullopt;
}

void Intake::reject(std::string_view host, const Rejection& rejection) {
  ++stats_.rejected[static_cast<std::size_t>(rejection.reason)];
  std::uint64_t suppressed = 0;
  if (!log_.allow(suppressed)) return;
  spdlog::warn("dropped a message of {}: {}: {} ({} such lines not shown)",
               valid_host(host) ? host : "an invalid host name", to_string(rejection.reason), rejection.detail,
               suppressed);
}

}  // namespace kpulse::bridge
