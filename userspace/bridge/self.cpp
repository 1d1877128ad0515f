#include "bridge/self.h"

#include <numeric>

#include "base/clock.h"
#include "bridge/bridge.h"
#include "metrics/process.h"
#include "model/catalog.h"
#include "model/ids.h"

namespace kpulse::bridge {
namespace {

namespace id = ids::bridge;

constexpr std::uint64_t kSecondNs = 1'000'000'000;

template <class Counters>
std::uint64_t sum_of(const Counters& counters) {
  return std::accumulate(counters.begin(), counters.end(), std::uint64_t{0});
}

std::uint64_t of_intake(const Intake& intake, std::uint32_t field) {
  switch (field) {
    case id::kFramesReceived:
      return intake.stats().frames;
    case id::kFramesRejected:
      return sum_of(intake.stats().rejected);
    case id::kFramesDiscarded:
      return intake.discarded();
    default:
      return 0;
  }
}

std::uint64_t of_sink(const Bridge& bridge, std::uint32_t field) {
  const SinkStats& stats = bridge.sink().stats();
  const InfluxSink::Shared* influx = bridge.influx();
  switch (field) {
    case id::kFramesCommitted:
      return stats.frames_committed;
    case id::kLinesCommitted:
      return stats.lines_committed;
    case id::kLinesDropped:
      return sum_of(stats.lines_dropped);
    case id::kRetries:
      return influx == nullptr ? 0 : influx->stats->retries.load();
    case id::kDatabaseReachable:
      return influx != nullptr && influx->stats->reachable ? 1 : 0;
    default:
      return 0;
  }
}

std::uint64_t value_of(const Bridge& bridge, std::uint32_t field) {
  switch (field) {
    case id::kFramesReceived:
    case id::kFramesRejected:
    case id::kFramesDiscarded:
      return of_intake(bridge.intake(), field);
    case id::kFramesMissing:
      return bridge.worker().gaps().missing;
    case id::kFramesDuplicate:
      return bridge.worker().gaps().duplicate;
    case id::kHosts:
      return bridge.worker().hosts().known;
    case id::kQueueBytes:
      return bridge.intake().queue_bytes() + bridge.sink().queue_bytes();
    case id::kBrokerConnected:
      return bridge.client().connected ? 1 : 0;
    case id::kCpu:
      return process_cpu_ns();
    case id::kRss:
      return metrics::resident_bytes();
    default:
      return of_sink(bridge, field);
  }
}

}  // namespace

Frame self_frame(const Bridge& bridge, const std::string& host, std::uint64_t sequence) {
  Series series{.measurement = ids::kBridge, .tags = {}, .absent = {}, .columns = {}};
  for (const Field& field : find_measurement(ids::kBridge)->fields) {
    series.columns.push_back({.field = field.id, .values = {value_of(bridge, field.id)}, .reals = {}, .buckets = {}});
  }
  return {.host = host,
          .stream = 0,
          .sequence = sequence,
          .window_ns = kSecondNs,
          .first_window = wall_ns() / kSecondNs,
          .windows = 1,
          .tasks = {},
          .series = {std::move(series)}};
}

}  // namespace kpulse::bridge
