#include "agent/self.h"

#include <string>

#include "base/clock.h"
#include "metrics/process.h"
#include "model/catalog.h"
#include "model/ids.h"

namespace kpulse::agent {
namespace {

namespace id = ids::agent;

/// Prometheus wants base units and a suffix for what only grows: cpu_ns -> cpu_seconds_total.
std::string prometheus_name(const Field& field) {
  std::string name = "kpulse_agent_" + std::string(field.name);
  if (field.unit == Unit::nanoseconds) name.replace(name.size() - 2, 2, "seconds");
  if (field.kind == Kind::total) name += "_total";
  return name;
}

}  // namespace

void Self::set_intake(const probes::Intake& intake) {
  records_ = intake.records;
  ring_dropped_ = intake.ring_dropped;
  windows_lost_ = intake.windows_lost;
  windows_late_ = intake.windows_late;
  records_invalid_ = intake.records_invalid;
  events_dropped_ = intake.events_dropped;
  clock_backwards_ = intake.clock_backwards;
  switches_missed_ = intake.switches_missed;
  switches_unmeasured_ = intake.switches_unmeasured;
  sleeps_unmarked_ = intake.sleeps_unmarked;
  cgroups_refused_ = intake.cgroups_refused;
}

std::uint64_t Self::value(std::uint32_t field, const mqtt::ClientStats& client) const {
  switch (field) {
    case id::kFramesPublished:
      return client.published;
    case id::kFramesAcknowledged:
      return client.acknowledged;
    case id::kFramesDiscarded:
      return client.discarded;
    case id::kPublishErrors:
      return client.publish_errors;
    case id::kQueueBytes:
      return client.queue_bytes;
    case id::kQueueFrames:
      return client.queue_messages;
    case id::kConnects:
      return client.connects;
    case id::kCpu:
      return process_cpu_ns();
    case id::kRss:
      return metrics::resident_bytes();
    case id::kRecords:
      return records_;
    case id::kRingDropped:
      return ring_dropped_;
    case id::kWindowsLost:
      return windows_lost_;
    case id::kWindowsLate:
      return windows_late_;
    case id::kRecordsInvalid:
      return records_invalid_;
    case id::kClockSteps:
      return clock_steps_;
    case id::kClockBackwards:
      return clock_backwards_;
    case id::kSwitchesMissed:
      return switches_missed_;
    case id::kSwitchesUnmeasured:
      return switches_unmeasured_;
    case id::kSleepsUnmarked:
      return sleeps_unmarked_;
    case id::kCgroupsRefused:
      return cgroups_refused_;
    case id::kEventsDropped:
      return events_dropped_;
    case id::kTicksLate:
      return ticks_late_;
    default:
      return 0;
  }
}

Series Self::series() const {
  const mqtt::ClientStats client = client_.stats();
  Series series{.measurement = ids::kAgent, .tags = {}, .absent = {}, .columns = {}};
  for (const Field& field : find_measurement(ids::kAgent)->fields) {
    if (const std::uint64_t now = value(field.id, client); now != 0) {
      series.columns.push_back({.field = field.id, .values = {now}, .reals = {}, .buckets = {}, .sum = 0});
    }
  }
  return series;
}

void Self::register_metrics(metrics::Registry& registry) const {
  for (const Field& field : find_measurement(ids::kAgent)->fields) {
    const double scale = field.unit == Unit::nanoseconds ? 1e-9 : 1.0;
    registry.add(
        {.name = prometheus_name(field),
         .labels = {},
         .type = field.kind == Kind::total ? metrics::Type::counter : metrics::Type::gauge,
         .help = std::string(field.help),
         .read = [this, id = field.id, scale] { return static_cast<double>(value(id, client_.stats())) * scale; }});
  }
  registry.add({.name = "kpulse_agent_connected",
                .labels = {},
                .type = metrics::Type::gauge,
                .help = "1 while the broker is connected",
                .read = [this] { return client_.stats().connected ? 1.0 : 0.0; }});
}

void Self::register_priority(const LoopPriority& priority, metrics::Registry& registry) {
  registry.add({.name = "kpulse_agent_priority",
                .labels = {},
                .type = metrics::Type::gauge,
                .help = "of the thread that reads the kernel: 2 real-time, 1 a better nice value, 0 normal",
                .read = [&priority] { return static_cast<double>(priority.now()); }});
  registry.add({.name = "kpulse_agent_priority_lowered_total",
                .labels = {},
                .type = metrics::Type::counter,
                .help = "times it lost some because it took more CPU time than it should",
                .read = [&priority] { return static_cast<double>(priority.lowered()); }});
}

}  // namespace kpulse::agent
