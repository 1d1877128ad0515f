// What the tests of the MQTT client share.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "mqtt/client.h"
#include "support/mosquitto.h"
#include "support/wait.h"

namespace kpulse::mqtt::test {

using kpulse::test::wait_until;
using std::chrono::milliseconds;

inline ClientOptions options_for(std::uint16_t port, std::string id = "") {
  ClientOptions options;
  options.broker.port = port;
  options.client_id = std::move(id);
  options.backoff_min = milliseconds(20);
  options.backoff_max = milliseconds(200);
  return options;
}

inline std::unique_ptr<Client> start(ClientOptions options) {
  auto client = Client::start(std::move(options));
  if (!client) throw std::runtime_error(client.error().message);
  return std::move(*client);
}

inline bool connected(const Client& client) {
  return wait_until([&client] { return client.stats().connected; });
}

/// Messages that arrived, with how often each came; from any thread.
class Inbox {
 public:
  void add(std::string_view topic, std::string_view payload, bool retained) {
    const std::lock_guard lock(mutex_);
    ++counts_[std::string(topic) + " " + std::string(payload)];
    retained_ += retained ? 1 : 0;
  }
  [[nodiscard]] std::size_t distinct() const {
    const std::lock_guard lock(mutex_);
    return counts_.size();
  }
  [[nodiscard]] int count(const std::string& topic, const std::string& payload) const {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(topic + " " + payload);
    return found == counts_.end() ? 0 : found->second;
  }
  [[nodiscard]] int retained() const {
    const std::lock_guard lock(mutex_);
    return retained_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> counts_;
  int retained_ = 0;
};

/// A client that is subscribed (which its own echo proved) and puts everything into the inbox.
inline std::unique_ptr<Client> subscriber(ClientOptions options, std::vector<std::string> filters, Inbox& inbox) {
  static std::atomic<int> number{0};
  const std::string probe = "probe/" + std::to_string(++number);
  auto seen = std::make_shared<std::atomic<bool>>(false);
  options.subscriptions = std::move(filters);
  options.subscriptions.push_back(probe);
  options.on_message = [&inbox, probe, seen](std::string_view topic, std::string_view payload, bool retained) {
    if (topic == probe) {
      seen->store(true);
    } else {
      inbox.add(topic, payload, retained);
    }
  };
  auto client = start(std::move(options));
  client->publish({.topic = probe, .payload = "?"});
  if (!wait_until([seen] { return seen->load(); })) throw std::runtime_error("cannot subscribe");
  return client;
}

}  // namespace kpulse::mqtt::test
