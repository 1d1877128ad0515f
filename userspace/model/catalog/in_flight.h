// I/Os that have not ended yet: measurement and fields. Read by catalog.cpp only.
#pragma once

#include <array>

#include "model/catalog.h"
#include "model/ids.h"

namespace kpulse::in_flight_catalog {

using enum Kind;
using enum Unit;

inline constexpr std::array<std::string_view, 2> kTags{"device", "op"};

inline constexpr std::array kFields{
    Field{ids::in_flight::kIos, "in_flight", level, none, "I/Os that have begun and not ended",
          "block_io_start to block_rq_complete, request.ref"},
    Field{ids::in_flight::kOldest, "oldest_ns", level, nanoseconds, "how old the oldest of them is",
          "request.start_time_ns"},
    Field{ids::in_flight::kOldestDevice, "oldest_device_ns", level, nanoseconds,
          "of that, how long it has been at the device; 0 when it is not there yet", "block_rq_issue"},
    Field{ids::in_flight::kSubmitter, "submitter", task, none, "who submitted it", "current"},
};

inline constexpr std::array kMeasurements{
    Measurement{ids::kInFlight, "kpulse_in_flight", Scope::interval, kTags, kFields,
                "I/Os that go on at the end of the interval: seen while they last. An I/O is in kpulse_block when it "
                "has ended."},
};

}  // namespace kpulse::in_flight_catalog
