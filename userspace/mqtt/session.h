// One libmosquitto handle driven by poll(): its callbacks and return codes turned into plain state.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "mqtt/client.h"
#include "mqtt/counters.h"
#include "mqtt/library.h"

namespace kpulse::mqtt {

/// Network thread only, except create(). A message of QoS 1 that was handed over is kept by libmosquitto until its
/// PUBACK, over any number of connections, also with a clean session; each new connection sends it again.
class Session {
 public:
  enum class State { closed, connecting, connected };

  /// The options and the counters must outlive the session.
  [[nodiscard]] static Result<std::unique_ptr<Session>> create(const ClientOptions& options, Counters& counters);

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Starts a connection. Waits for the name look-up, not for the broker.
  void connect();
  /// Says good-bye; the session is closed once the broker has closed its side.
  void disconnect();
  /// Gives up the connection at once, for the given reason.
  void abandon(std::string_view reason);

  [[nodiscard]] State state() const noexcept { return state_; }
  /// True while one more message may be handed over.
  [[nodiscard]] bool has_room() const;
  /// True when nothing waits to be sent or acknowledged.
  [[nodiscard]] bool idle() const;
  /// Replaces what is published first on every connection; publishes it now when there is one.
  void set_greeting(std::vector<Message> messages);
  /// Hands one message over; it is on the wire when this returns, unless the socket is full.
  void publish(const Message& message);

  /// What to poll for; -1 when there is no connection.
  [[nodiscard]] int socket() const;
  [[nodiscard]] short events() const;
  /// Reads and writes what poll() said is possible; returns how many messages have come with it.
  std::size_t service(short revents);
  /// Pings and time-outs; about once a second.
  void tick();

 private:
  Session(const ClientOptions& options, Counters& counters);

  void set_callbacks();
  void capture_log(bool on);
  void on_connect(int status);
  void on_disconnect(int reason);
  void on_message(const mosquitto_message& message);
  void on_publish(int id, int reason);
  void on_subscribe(int count, const int* granted);

  int hand_over(const Message& message);
  void subscribe();
  void greet();
  void read();
  bool tcp_failed();
  void check(int status, int error_number);
  void end(const std::string& reason);
  [[nodiscard]] std::string explain(int status, int error_number) const;

  const Library library_;
  const ClientOptions& options_;
  Counters& counters_;
  Mosquitto handle_;
  State state_ = State::closed;
  std::size_t came_ = 0;          // messages of the service() under way
  bool tcp_pending_ = false;      // connect() of the socket has not finished
  bool leaving_ = false;          // disconnect() was called
  std::string refusal_;           // what the broker's CONNACK or (MQTT 5) DISCONNECT said
  std::string tls_errors_;        // what the library logged while connecting
  std::string logged_reason_;     // the reason of the last warning, so that it is written once
  std::unordered_set<int> held_;  // message ids handed over and not acknowledged
  std::vector<Message> greeting_;
  std::vector<int> greeting_ids_;  // by index into greeting_; 0: none sent
  RateLimit publish_log_{std::chrono::seconds(10)};
  RateLimit callback_log_{std::chrono::seconds(10)};
};

}  // namespace kpulse::mqtt
