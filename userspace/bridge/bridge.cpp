#include "bridge/bridge.h"

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"
#include "bridge/own_metrics.h"
#include "bridge/self.h"
#include "bridge/text_sink.h"

namespace kpulse::bridge {
namespace {

// Together under the 2 s that stopping may take.
constexpr std::chrono::milliseconds kClientStop{100};
constexpr std::chrono::milliseconds kWorkerStop{500};
constexpr std::chrono::milliseconds kSinkStop{1'000};

constexpr std::size_t kSinkQueue = 16U << 20U;  ///< lines; more waits as frames, which are far smaller
constexpr std::size_t kMinSinkQueue = 2 * influx::LineRenderer::kMaxBytes;

Worker::Options worker_options(const Settings& settings, Bridge& bridge) {
  return {.batch = batch_limits(settings),
          .self_frame = [&bridge, host = machine_name(),
                         sequence = std::uint64_t{0}]() mutable { return self_frame(bridge, host, ++sequence); },
          .start_ns = wall_ns()};
}

}  // namespace

Bridge::Bridge(const Settings& settings)
    : intake_(settings.batch_queue), worker_(worker_options(settings, *this), intake_) {}

Bridge::~Bridge() {
  stop();
}

Result<std::unique_ptr<Bridge>> Bridge::start(const Settings& settings) {
  std::unique_ptr<Bridge> bridge(new Bridge(settings));
  if (auto opened = bridge->open_sink(settings); !opened) return fail(std::move(opened.error()));
  add_own_metrics(*bridge, bridge->registry_);
  // The client before all that reads its counters; frames wait in the intake meanwhile.
  if (auto connected = bridge->connect(settings); !connected) return fail(std::move(connected.error()));
  auto endpoint = metrics::Endpoint::start(settings.metrics_listen, bridge->registry_);
  if (!endpoint) return fail(std::move(endpoint.error()));
  bridge->endpoint_ = std::move(*endpoint);
  bridge->worker_.start({bridge->sink_.get()});
  return bridge;
}

Result<> Bridge::open_sink(const Settings& settings) {
  std::vector<std::unique_ptr<Sink>> lanes;
  if (settings.sink == "influx") {
    const influx::WriterOptions options = writer_options(settings);
    influx_.emplace();
    if (settings.rollup) {
      influx_->rollup =
          std::make_shared<influx::RollupRunner>(options.server, options.retention, options.create_database);
    }
    for (std::int64_t lane = 0; lane < settings.connections; ++lane) {
      lanes.push_back(std::make_unique<InfluxSink>(options, *influx_));
    }
  } else {
    auto text = TextSink::open(settings.sink == "stdout" ? "-" : settings.sink_file);
    if (!text) return fail(std::move(text.error()));
    lanes.push_back(std::move(*text));
  }
  const std::size_t bytes = std::clamp<std::size_t>(settings.batch_queue, kMinSinkQueue, kSinkQueue);
  sink_ = std::make_unique<SinkRunner>(settings.sink, std::move(lanes), bytes, [this] { worker_.wake(); });
  return {};
}

Result<> Bridge::connect(const Settings& settings) {
  auto options = mqtt::client_options(settings.mqtt);
  if (!options) return fail(std::move(options.error()));
  options->clean_session = false;
  options->subscriptions = {"kpulse/v1/+/frame", "kpulse/v1/+/state"};
  options->on_message = [this](std::string_view topic, std::string_view payload, bool) {
    intake_.receive(topic, payload);
  };
  auto client = mqtt::Client::start(std::move(*options));
  if (!client) return fail(std::move(client.error()));
  client_ = std::move(*client);
  return {};
}

void Bridge::stop() {
  if (!client_) return;
  endpoint_.reset();
  client_->stop(kClientStop);
  worker_.stop(kWorkerStop);
  sink_->stop(kSinkStop);
  log_summary();
  client_.reset();
}

void Bridge::log_summary() const {
  const SinkStats& stats = sink_->stats();
  std::uint64_t dropped = 0;
  for (const auto& count : stats.lines_dropped) dropped += count;
  spdlog::info("stopped: {} frames received, {} committed; {} lines committed, {} dropped; {} frames left in the queue",
               intake_.stats().frames.load(), stats.frames_committed.load(), stats.lines_committed.load(), dropped,
               worker_.abandoned());
}

}  // namespace kpulse::bridge
