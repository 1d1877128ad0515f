#include "bridge/own_metrics.h"

#include <string>

#include "bridge/bridge.h"
#include "metrics/process.h"

namespace kpulse::bridge {
namespace {

using metrics::label;
using metrics::Type;

/// Adds metrics of the bridge, prefixed with its name.
class Adder {
 public:
  explicit Adder(metrics::Registry& registry) : registry_(registry) {}

  template <class Read>
  void counter(std::string_view name, std::string help, Read read, std::string labels = "") {
    add(std::string(name) + "_total", Type::counter, std::move(help), std::move(read), std::move(labels));
  }
  template <class Read>
  void gauge(std::string_view name, std::string help, Read read, std::string labels = "") {
    add(std::string(name), Type::gauge, std::move(help), std::move(read), std::move(labels));
  }

 private:
  template <class Read>
  void add(const std::string& name, Type type, std::string help, Read read, std::string labels) {
    registry_.add({.name = "kpulse_bridge_" + name,
                   .labels = std::move(labels),
                   .type = type,
                   .help = std::move(help),
                   .read = [read = std::move(read)] { return static_cast<double>(read()); }});
  }

  metrics::Registry& registry_;
};

void add_intake(const Bridge& bridge, Adder& add) {
  const Intake& intake = bridge.intake();
  const IntakeStats& stats = intake.stats();
  add.counter("frames_received", "Frames the broker delivered.", [&stats] { return stats.frames.load(); });
  add.counter("states_received", "State messages the broker delivered.", [&stats] { return stats.states.load(); });
  for (std::size_t i = 0; i < kRejectReasons; ++i) {
    add.counter(
        "frames_rejected", "Messages dropped because they failed a check.",
        [&stats, i] { return stats.rejected[i].load(); }, label("reason", to_string(static_cast<Reject>(i))));
  }
  add.counter(
      "frames_rejected", "", [&stats] { return stats.unknown_topic.load(); }, label("reason", "topic"));
  add.counter(
      "frames_dropped", "Checked or unchecked frames that never reached a sink.",
      [&intake] { return intake.discarded(); }, label("reason", "queue_full"));
  add.counter(
      "frames_dropped", "", [&bridge] { return bridge.worker().abandoned(); }, label("reason", "shutdown"));
  add.gauge(
      "queue_bytes", "Bytes waiting.", [&intake] { return intake.queue_bytes(); }, label("queue", "frames"));
}

void add_worker(const Bridge& bridge, Adder& add) {
  const Worker& worker = bridge.worker();
  add.gauge("frames_missing", "Sequence numbers skipped and not seen since.",
            [&worker] { return worker.gaps().missing.load(); });
  add.counter("frames_duplicate", "Frames that came more than once.",
              [&worker] { return worker.gaps().duplicate.load(); });
  add.counter("frames_untracked", "Frames of hosts past the bound, not checked for gaps.",
              [&worker] { return worker.gaps().untracked.load(); });
  add.counter("lines", "Lines made from frames.", [&worker] { return worker.lines(); });
  add.gauge("hosts", "Hosts that have announced themselves.", [&worker] { return worker.hosts().known.load(); });
  add.gauge("hosts_online", "Hosts whose agent is running.", [&worker] { return worker.hosts().online.load(); });
}

void add_sink(const Bridge& bridge, Adder& add) {
  const SinkRunner& sink = bridge.sink();
  const SinkStats& stats = sink.stats();
  const std::string name = label("sink", sink.name());
  add.counter(
      "batches", "Batches the sink has dealt with.", [&stats] { return stats.batches.load(); }, name);
  add.counter(
      "lines_committed", "Lines the sink has accepted.", [&stats] { return stats.lines_committed.load(); }, name);
  add.counter(
      "frames_committed", "Frames whose last line the sink has accepted.",
      [&stats] { return stats.frames_committed.load(); }, name);
  for (std::size_t i = 0; i < kDrops; ++i) {
    add.counter(
        "lines_dropped", "Lines that did not reach the sink.", [&stats, i] { return stats.lines_dropped[i].load(); },
        name + "," + label("reason", to_string(static_cast<Drop>(i))));
  }
  add.gauge(
      "queue_bytes", "", [&sink] { return sink.queue_bytes(); }, label("queue", sink.name()));
}

void add_influx(const influx::WriterStats& stats, Adder& add) {
  add.gauge("database_reachable", "1 when the last write was accepted.", [&stats] { return stats.reachable.load(); });
  add.gauge("database_version", "Major version of the database; 0: not known yet.",
            [&stats] { return stats.version.load(); });
  add.counter("requests", "Writes sent.", [&stats] { return stats.requests.load(); });
  add.counter("request_bytes", "Bytes of their bodies, after compression.",
              [&stats] { return stats.body_bytes.load(); });
  add.counter("retries", "Writes tried again.", [&stats] { return stats.retries.load(); });
  for (std::size_t i = 0; i < influx::kOutcomes; ++i) {
    add.counter(
        "http_responses", "Answers of the database by what they mean.",
        [&stats, i] { return stats.outcomes[i].load(); },
        label("class", influx::to_string(static_cast<influx::Outcome>(i))));
  }
}

void add_rollup(const influx::RollupStats& stats, Adder& add) {
  add.counter("rollups", "10 s summed up.", [&stats] { return stats.runs.load(); });
  add.counter("rollup_failures", "Attempts to sum up that failed.", [&stats] { return stats.failures.load(); });
  add.counter("rollup_dropped", "10 s forgotten because too many waited.", [&stats] { return stats.dropped.load(); });
}

void add_client(const Bridge& bridge, Adder& add) {
  add.gauge("connected", "1 while connected to the broker.", [&bridge] { return bridge.client().connected; });
  add.counter("connects", "Connections the broker accepted.", [&bridge] { return bridge.client().connects; });
  add.counter("connect_failures", "Connections that failed or were refused.",
              [&bridge] { return bridge.client().connect_failures; });
}

}  // namespace

void add_own_metrics(const Bridge& bridge, metrics::Registry& registry) {
  Adder add(registry);
  add_intake(bridge, add);
  add_worker(bridge, add);
  add_sink(bridge, add);
  add_client(bridge, add);
  if (const InfluxSink::Shared* influx = bridge.influx()) {
    add_influx(*influx->stats, add);
    if (influx->rollup) add_rollup(influx->rollup->stats(), add);
  }
  metrics::add_process_metrics(registry);
}

}  // namespace kpulse::bridge
