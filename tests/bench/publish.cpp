// Publishes recorded frames as fast as the broker takes them, QoS 1 as agents do.
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "bench/feed_options.h"
#include "codec/frame_codec.h"
#include "mqtt/client.h"
#include "mqtt/topics.h"

namespace {

using namespace kpulse;
using namespace std::chrono_literals;

constexpr std::size_t kQueueBytes = 16U << 20U;
constexpr std::uint64_t kFullBytes = kQueueBytes / 2;

/// Everything made beforehand, so that only the sending is left.
std::vector<mqtt::Message> messages_of(bench::RecordedFeed& feed) {
  std::vector<mqtt::Message> messages;
  messages.reserve(feed.frames());
  for (std::uint64_t index = 0; index < feed.frames(); ++index) {
    const Frame& frame = feed.frame(index);
    mqtt::Message& message = messages.emplace_back();
    message.topic = mqtt::frame_topic(frame.host);
    encode(frame, message.payload);
  }
  return messages;
}

template <class Condition>
void wait_for(const mqtt::Client& client, Condition condition) {
  while (!condition(client.stats())) std::this_thread::sleep_for(500us);
}

void publish_all(mqtt::Client& client, std::vector<mqtt::Message>& messages) {
  constexpr std::size_t kBetweenLooks = 256;
  for (std::size_t index = 0; index < messages.size(); ++index) {
    if (index % kBetweenLooks == 0) {
      wait_for(client, [](const mqtt::ClientStats& stats) { return stats.queue_bytes < kFullBytes; });
    }
    client.publish(std::move(messages[index]));
  }
  wait_for(client, [&](const mqtt::ClientStats& stats) { return stats.acknowledged >= messages.size(); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Publishes recorded frames as fast as the broker takes them.");
  bench::FeedCommand command;
  std::uint16_t port = 0;
  command.add_to(app);
  app.add_option("--port", port, "of the broker on loopback")->required();
  CLI11_PARSE(app, argc, argv);
  init_log("warning");
  command.feed.stream = wall_ns();
  bench::RecordedFeed feed(command.recording, command.feed);
  auto messages = messages_of(feed);
  auto client = mqtt::Client::start({.broker = {.port = port}, .max_inflight = 100, .queue_bytes = kQueueBytes});
  if (!client) return client.error().exit_status();
  wait_for(**client, [](const mqtt::ClientStats& stats) { return stats.connected; });
  bench::announce(feed);
  const std::uint64_t begin = monotonic_ns();
  publish_all(**client, messages);
  const double seconds = static_cast<double>(monotonic_ns() - begin) / 1e9;
  std::cout << nlohmann::json{{"seconds", seconds}, {"discarded", (*client)->stats().discarded}}.dump() << std::endl;
  return 0;
}
