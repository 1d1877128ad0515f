#include "cli/frame_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string_view>

#include "base/bounded_queue.h"
#include "cli/frame_text.h"
#include "cli/stop_signal.h"
#include "cli/text.h"
#include "codec/frame_codec.h"
#include "mqtt/topics.h"

namespace kpulse::cli {
namespace {

constexpr std::size_t kQueueBytes = 8U << 20U;
constexpr std::chrono::milliseconds kLook{100};

struct Received {
  std::string topic;
  std::string payload;
};

template <class T>
std::string text_of(const tl::expected<T, Rejection>& decoded) {
  if (decoded) return describe(*decoded);
  return fmt::format("dropped: {}: {}\n", to_string(decoded.error().reason), printable(decoded.error().detail));
}

std::string describe_message(const Received& message) {
  const auto topic = mqtt::parse_topic(message.topic);
  if (topic && topic->what == "frame") return text_of(decode_frame(message.payload, topic->host));
  if (topic && topic->what == "state") return text_of(decode_state(message.payload, topic->host));
  return fmt::format("{}: {} bytes\n", printable(message.topic), message.payload.size());
}

/// One byte more than is allowed, so that too much is seen as such.
std::string read_message(std::istream& in) {
  std::string bytes(kMaxMessageBytes + 1, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

Result<> print_file(const FrameOptions& options) {
  if (options.host.empty()) return fail("frame FILE: --host must say which host it is of", ErrorKind::usage);
  std::ifstream file;
  if (options.file != "-") {
    file.open(options.file, std::ios::binary);
    if (!file) return fail(fmt::format("cannot read {}", options.file), ErrorKind::usage);
  }
  const auto frame = decode_frame(read_message(options.file == "-" ? std::cin : file), options.host);
  if (!frame) {
    return fail(fmt::format("{}: no frame: {}: {}", options.file, to_string(frame.error().reason),
                            printable(frame.error().detail)));
  }
  fmt::print("{}", describe(*frame));
  return {};
}

Result<> print_messages(const FrameOptions& options) {
  BoundedQueue<Received> queue(kQueueBytes);
  mqtt::ClientOptions client_options{.broker = options.broker, .client_id = fmt::format("kpulse-frame-{}", ::getpid())};
  const std::string host = options.host.empty() ? "+" : options.host;
  client_options.subscriptions = {mqtt::state_topic(host), mqtt::frame_topic(host)};
  client_options.on_message = [&queue](std::string_view topic, std::string_view payload, bool /*retained*/) {
    queue.push({std::string(topic), std::string(payload)}, topic.size() + payload.size());
  };
  auto client = mqtt::Client::start(std::move(client_options));
  if (!client) return fail(std::move(client).error());
  catch_stop_signals();
  for (std::uint64_t printed = 0; !stop_signalled() && (options.messages == 0 || printed < options.messages);) {
    const auto message = queue.pop_for(kLook);
    if (message) {
      fmt::print("{}", describe_message(*message));
      std::fflush(stdout);
      ++printed;
    }
    const mqtt::ClientStats stats = (*client)->stats();
    if (stats.connects == 0 && stats.connect_failures > 0) return fail("broker: " + printable(stats.last_error));
  }
  if (queue.discarded() > 0)
    fmt::print(stderr, "kpulse: {} messages came faster than they could be printed\n", queue.discarded());
  return {};
}

}  // namespace

Result<> print_frames(const FrameOptions& options) {
  if (!options.host.empty() && !valid_host(options.host)) {
    return fail("--host: allowed are 1 to 253 letters, digits, '-', '_' and '.'", ErrorKind::usage);
  }
  return options.file.empty() ? print_messages(options) : print_file(options);
}

}  // namespace kpulse::cli
