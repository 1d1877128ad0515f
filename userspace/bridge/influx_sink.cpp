#include "bridge/influx_sink.h"

#include "base/log.h"

namespace kpulse::bridge {

Delivery InfluxSink::write(const Batch& batch) {
  const influx::Written written = writer_.write(batch.text.view(), batch.text.lines());
  Delivery delivery{.committed = written.committed, .dropped = {}};
  delivery.dropped[static_cast<std::size_t>(Drop::refused)] = written.refused;
  delivery.dropped[static_cast<std::size_t>(Drop::too_large)] = written.too_large;
  delivery.dropped[static_cast<std::size_t>(Drop::shutdown)] = written.abandoned;
  if (shared_.rollup && written.committed > 0) touch_rollup(batch);
  return delivery;
}

void InfluxSink::touch_rollup(const Batch& batch) {
  const auto version = static_cast<influx::Version>(writer_.stats().version.load());
  if (version == influx::Version::v3) {
    if (rollup_possible_) spdlog::warn("influx: version 3 has no rollup by the bridge; set influx.rollup = false");
    rollup_possible_ = false;
    return;
  }
  shared_.rollup->set_version(version);
  for (const std::uint64_t ten : batch.ten_seconds)
    shared_.rollup->touch(ten * influx::kRollupNs, ten * influx::kRollupNs);
}

}  // namespace kpulse::bridge
