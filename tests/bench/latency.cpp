// How long it takes from an event until an MQTT subscriber has the frame with the event's window, and until a query
// returns that window from InfluxDB 1.x. An event is a new thread, which counts as a fork in its window.
//
// Prints one JSON object: the latencies of all events in ms, and what they are made of.
#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "codec/frame_codec.h"
#include "http/client.h"
#include "influx/query.h"
#include "model/ids.h"
#include "mqtt/client.h"
#include "mqtt/topics.h"

namespace {

using namespace kpulse;
using namespace std::chrono_literals;

struct Options {
  std::uint16_t broker = 0;
  std::string url;
  std::string host;
  std::size_t events = 300;
  std::uint64_t poll_ms = 4;
};

constexpr std::uint64_t kWindowNs = 10'000'000;
/// An event so close to a window's edge is not taken: the agent's idea of the wall clock may differ by as much.
constexpr std::uint64_t kEdgeNs = 200'000;
constexpr auto kLimit = 5s;
constexpr std::uint64_t kLostNs = 5'000'000'000;

struct Event {
  std::uint64_t wall = 0;
  std::uint64_t window = 0;
  std::uint64_t received = 0;  ///< wall clock; 0: not yet
  std::uint64_t queried = 0;
};

/// What the three threads share.
struct Board {
  std::mutex mutex;
  std::vector<Event> events;
  std::map<std::uint64_t, std::uint64_t> arrivals;  ///< window with a fork -> when a subscriber had it
  std::vector<double> frame_delays;                 ///< ms from the end of a frame's last window to the subscriber
  std::vector<double> query_times;                  ///< ms
};

double ms(std::uint64_t from, std::uint64_t to) {
  return (static_cast<double>(to) - static_cast<double>(from)) / 1e6;
}

void on_frame(std::string_view topic, std::string_view payload, Board& board) {
  const auto parsed = mqtt::parse_topic(topic);
  if (!parsed || parsed->what != "frame") return;
  const auto frame = decode_frame(payload, parsed->host);
  if (!frame || frame->window_ns != kWindowNs) return;
  const std::uint64_t now = wall_ns();
  const std::lock_guard lock(board.mutex);
  board.frame_delays.push_back(ms((frame->first_window + frame->windows) * kWindowNs, now));
  for (const Series& series : frame->series) {
    if (series.measurement != ids::kSched) continue;
    for (const Column& column : series.columns) {
      if (column.field != ids::sched::kForks) continue;
      for (std::size_t row = 0; row < column.values.size(); ++row) {
        if (column.values[row] > 0) board.arrivals.emplace(frame->first_window + row, now);
      }
    }
  }
}

/// Makes one event and returns it; nothing when it came too close to a window's edge.
std::optional<Event> make_event() {
  const std::uint64_t begin = wall_ns();
  std::thread([] {}).join();
  const std::uint64_t end = wall_ns();
  const bool clear = begin % kWindowNs >= kEdgeNs && begin % kWindowNs + (end - begin) + kEdgeNs <= kWindowNs;
  if (!clear) return std::nullopt;
  return Event{.wall = begin, .window = begin / kWindowNs};
}

void make_events(const Options& options, Board& board) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> pause_us(50'000, 110'000);
  for (std::size_t made = 0; made < options.events;) {
    std::this_thread::sleep_for(std::chrono::microseconds(pause_us(random)));
    const auto event = make_event();
    if (!event) continue;
    const std::lock_guard lock(board.mutex);
    board.events.push_back(*event);
    ++made;
  }
}

/// Begin of the oldest window that no query has returned yet; one that does not come in time is lost.
std::optional<std::uint64_t> oldest_wanted(Board& board) {
  const std::lock_guard lock(board.mutex);
  for (const Event& event : board.events) {
    if (event.queried == 0 && event.wall + kLostNs > wall_ns()) return event.window * kWindowNs;
  }
  return std::nullopt;
}

void note_answer(const std::string& body, std::uint64_t now, Board& board) {
  const auto answer = nlohmann::json::parse(body, nullptr, false);
  if (answer.is_discarded() || !answer["results"][0].contains("series")) return;
  std::map<std::uint64_t, bool> found;
  for (const auto& row : answer["results"][0]["series"][0]["values"]) {
    if (row[1].get<std::uint64_t>() > 0) found[row[0].get<std::uint64_t>() / kWindowNs] = true;
  }
  const std::lock_guard lock(board.mutex);
  for (Event& event : board.events) {
    if (event.queried == 0 && found.contains(event.window)) event.queried = now;
  }
}

void poll_database(const Options& options, Board& board, const std::atomic<bool>& over) {
  http::Client http({}, over);
  const influx::Server server{.url = options.url};
  const http::Request request = influx::query_request(influx::Version::v1, server);
  for (auto next = std::chrono::steady_clock::now(); !over;) {
    next = std::max(next + std::chrono::milliseconds(options.poll_ms), std::chrono::steady_clock::now());
    if (const auto from = oldest_wanted(board)) {
      const std::uint64_t asked = wall_ns();
      const auto response =
          http.post(request,
                    influx::form_of("SELECT \"forks\" FROM \"kpulse\".\"hires\".\"kpulse_sched\" WHERE \"host\" = '" +
                                    options.host + "' AND time >= " + std::to_string(*from)) +
                        "&epoch=ns",
                    kLimit);
      const std::uint64_t now = wall_ns();
      if (response.status == 200) note_answer(response.body, now, board);
      const std::lock_guard lock(board.mutex);
      board.query_times.push_back(ms(asked, now));
    }
    std::this_thread::sleep_until(next);
  }
}

bool complete(Board& board) {
  const std::lock_guard lock(board.mutex);
  return std::ranges::all_of(board.events, [&](Event& event) {
    if (const auto found = board.arrivals.find(event.window); found != board.arrivals.end())
      event.received = found->second;
    return event.received != 0 && event.queried != 0;
  });
}

nlohmann::json summary(const Board& board) {
  nlohmann::json out{{"mqtt_ms", nlohmann::json::array()}, {"query_ms", nlohmann::json::array()}, {"lost", 0}};
  for (const Event& event : board.events) {
    if (event.received == 0 || event.queried == 0) {
      out["lost"] = out["lost"].get<int>() + 1;
      continue;
    }
    out["mqtt_ms"].push_back(ms(event.wall, event.received));
    out["query_ms"].push_back(ms(event.wall, event.queried));
  }
  out["frame_delay_ms"] = board.frame_delays;
  out["query_time_ms"] = board.query_times;
  return out;
}

int measure(const Options& options) {
  Board board;
  auto client = mqtt::Client::start(
      {.broker = {.port = options.broker},
       .subscriptions = {mqtt::frame_topic(options.host)},
       .on_message = [&](std::string_view topic, std::string_view payload, bool) { on_frame(topic, payload, board); }});
  if (!client) return client.error().exit_status();
  std::atomic<bool> over{false};
  std::thread poller([&] { poll_database(options, board, over); });
  make_events(options, board);
  const auto deadline = std::chrono::steady_clock::now() + kLimit;
  while (!complete(board) && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(5ms);
  over = true;
  poller.join();
  (*client)->stop(0ms);
  std::cout << summary(board).dump() << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures the time from events to a subscriber and to a query.");
  Options options;
  app.add_option("--broker", options.broker, "port on loopback")->required();
  app.add_option("--url", options.url, "of the database")->required();
  app.add_option("--host", options.host, "whose frames")->required();
  app.add_option("--events", options.events, "how many");
  app.add_option("--poll-ms", options.poll_ms, "time from query to query");
  CLI11_PARSE(app, argc, argv);
  init_log("warning");
  return measure(options);
}
