// One supervised MQTT connection (3.1.1 or 5, libmosquitto) with a network thread of its own.
//
// libmosquitto's own thread ends silently on TLS, lookup and protocol errors, reconnects without jitter and takes
// publishes without bound while disconnected (docs: design.md 6, ecosystem notes in docs/adr). So the thread is ours:
// it polls the socket and a wake-up descriptor, connects without blocking, backs off with full jitter, and hands
// libmosquitto at most `max_inflight` unacknowledged messages; the rest stays in the bounded queue.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kpulse::mqtt {

struct Message {
  std::string topic;
  std::string payload;
  bool retain = false;
  int qos = 1;                 ///< 0 or 1
  std::uint32_t expiry_s = 0;  ///< MQTT 5: the broker drops it when undelivered for so long; 0 never; 3.1.1 ignores it
};

/// Where the broker is and how to reach it.
struct Broker {
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  std::string username;
  std::string password;
  bool tls = false;
  std::string ca_file;    ///< empty: the system's certificates
  std::string cert_file;  ///< client certificate and key, for mutual TLS
  std::string key_file;
};

struct ClientOptions {
  Broker broker;
  int protocol = 4;  ///< 4 is MQTT 3.1.1; 5 adds message expiry and reason codes, and always starts a clean session
  std::string client_id;  ///< empty: the library makes one up; needed when clean_session is false
  bool clean_session = true;
  int keepalive_s = 15;
  std::size_t max_inflight = 20;
  std::size_t queue_bytes = 8U << 20U;  ///< bound of what waits to be handed over
  std::chrono::milliseconds backoff_min{
      200};  ///< first reconnect delay; doubles up to backoff_max, each with full jitter
  std::chrono::milliseconds backoff_max{10'000};
  std::chrono::milliseconds connect_timeout{
      5'000};                              ///< from connect to the broker's CONNACK, name look-up not included
  std::vector<Message> on_connect;         ///< published first on every connection, e.g. the retained birth
  std::vector<Message> last_will;          ///< none or one; its expiry is not used
  std::vector<std::string> subscriptions;  ///< topic filters, QoS 1
  /// Called on the network thread for every message; must return soon, may publish(), must not stop(). What it throws
  /// is logged and counted. The views end with the call. The first call may come before start() has returned.
  std::function<void(std::string_view topic, std::string_view payload, bool retained)> on_message;
};

/// Counters since start, one consistent-enough snapshot; any thread.
struct ClientStats {
  bool connected = false;
  std::uint64_t connects = 0;          ///< connections the broker accepted
  std::uint64_t connect_failures = 0;  ///< attempts that failed or were refused
  std::uint64_t published = 0;         ///< messages handed to the connection
  std::uint64_t acknowledged = 0;      ///< PUBACKs
  std::uint64_t discarded = 0;         ///< messages the bounded queue let go
  std::uint64_t received = 0;          ///< messages passed to on_message
  std::uint64_t callback_errors = 0;   ///< exceptions that on_message let out
  std::uint64_t publish_errors = 0;    ///< messages the library or (MQTT 5) the broker refused
  std::uint64_t queue_messages = 0;    ///< waiting, not yet handed over
  std::uint64_t queue_bytes = 0;
  std::uint64_t inflight = 0;  ///< handed over, not acknowledged
  std::string last_error;      ///< why the last connection failed or ended; empty when it never did
};

class Client {
 public:
  /// Checks the options (files readable, TLS settings usable) and starts the network thread. The broker may be away:
  /// the client keeps trying and logs the first failure and every change of reason.
  [[nodiscard]] static Result<std::unique_ptr<Client>> start(ClientOptions options);

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();  ///< stop(0)

  /// Queues a message and wakes the network thread. Never blocks; when the queue is full the oldest go and are counted.
  /// Any thread.
  void publish(Message message);

  /// Replaces what is published first on every connection; on the present one it is published at once. Any thread.
  void set_on_connect(std::vector<Message> messages);

  /// Waits up to `limit` until everything queued is acknowledged, publishes `farewell` (may be empty), disconnects and
  /// ends the thread. True when nothing was left behind. Returns within `limit` plus 200 ms even if the broker does not
  /// answer.
  bool stop(std::chrono::milliseconds limit, std::vector<Message> farewell = {});

  [[nodiscard]] ClientStats stats() const;

 private:
  class Impl;
  explicit Client(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl>
      impl_;  // shared with the network thread, which stop() may have to leave behind in a name look-up
};

}  // namespace kpulse::mqtt
