// The bridge itself: measurements and fields. Read by catalog.cpp only.
#pragma once

#include <array>

#include "model/catalog.h"
#include "model/ids.h"

namespace kpulse::bridge_catalog {

using enum Kind;
using enum Unit;

inline constexpr std::array kBridgeFields{
    Field{ids::bridge::kFramesReceived, "frames_received", total, none, "frames the broker delivered", "bridge"},
    Field{ids::bridge::kFramesRejected, "frames_rejected", total, none, "messages dropped because they failed a check",
          "bridge"},
    Field{ids::bridge::kFramesMissing, "frames_missing", level, none, "sequence numbers skipped and not seen since",
          "bridge"},
    Field{ids::bridge::kFramesDuplicate, "frames_duplicate", total, none, "frames that came more than once", "bridge"},
    Field{ids::bridge::kFramesDiscarded, "frames_discarded", total, none, "frames discarded because the queue was full",
          "bridge"},
    Field{ids::bridge::kFramesCommitted, "frames_committed", total, none,
          "frames whose last line the sink has accepted", "bridge"},
    Field{ids::bridge::kLinesCommitted, "lines_committed", total, none, "lines the sink has accepted", "bridge"},
    Field{ids::bridge::kLinesDropped, "lines_dropped", total, none, "lines refused by the sink or given up", "bridge"},
    Field{ids::bridge::kRetries, "retries", total, none, "writes that had to be tried again", "bridge"},
    Field{ids::bridge::kQueueBytes, "queue_bytes", level, bytes, "frames and lines waiting for the sink", "bridge"},
    Field{ids::bridge::kDatabaseReachable, "database_reachable", level, none, "1 when the last write was accepted",
          "bridge"},
    Field{ids::bridge::kBrokerConnected, "broker_connected", level, none, "1 while connected to the broker", "bridge"},
    Field{ids::bridge::kHosts, "hosts", level, none, "hosts that have announced themselves", "bridge"},
    Field{ids::bridge::kCpu, "cpu_ns", total, nanoseconds, "CPU time of the bridge, user and system",
          "CLOCK_PROCESS_CPUTIME_ID"},
    Field{ids::bridge::kRss, "rss_bytes", level, bytes, "resident memory of the bridge", "/proc/self/statm"},
};

inline constexpr std::array kMeasurements{
    Measurement{ids::kBridge,
                "kpulse_bridge",
                Scope::interval,
                {},
                kBridgeFields,
                "The bridge itself, every 10 s; host is the bridge's."},
};

}  // namespace kpulse::bridge_catalog
