// The agent itself: measurements and fields. Read by catalog.cpp only.
#pragma once

#include <array>

#include "model/catalog.h"
#include "model/ids.h"

namespace kpulse::agent_catalog {

using enum Kind;
using enum Unit;

inline constexpr std::array kAgentFields{
    Field{ids::agent::kFramesPublished, "frames_published", total, none, "frames handed to the MQTT connection",
          "agent"},
    Field{ids::agent::kFramesAcknowledged, "frames_acknowledged", total, none, "frames the broker has acknowledged",
          "agent"},
    Field{ids::agent::kFramesDiscarded, "frames_discarded", total, none, "frames discarded because the queue was full",
          "agent"},
    Field{ids::agent::kPublishErrors, "publish_errors", total, none, "publishes that the MQTT library refused",
          "agent"},
    Field{ids::agent::kQueueBytes, "queue_bytes", level, bytes, "frames waiting for the broker", "agent"},
    Field{ids::agent::kQueueFrames, "queue_frames", level, none, "frames waiting for the broker", "agent"},
    Field{ids::agent::kConnects, "connects", total, none, "times the broker accepted the connection", "agent"},
    Field{ids::agent::kCpu, "cpu_ns", total, nanoseconds, "CPU time of the agent, user and system",
          "CLOCK_PROCESS_CPUTIME_ID"},
    Field{ids::agent::kRss, "rss_bytes", level, bytes, "resident memory of the agent", "/proc/self/statm"},
    Field{ids::agent::kRecords, "records", total, none, "records read from the ring buffer", "agent"},
    Field{ids::agent::kRingDropped, "ring_dropped", total, none, "records lost because the ring buffer was full",
          "kernel counter"},
    Field{ids::agent::kWindowsLost, "windows_lost", total, none,
          "windows of a CPU or a disk that were published as absent; of a CPU, if they did not come within a second",
          "agent"},
    Field{ids::agent::kWindowsLate, "windows_late", total, none,
          "windows of which something became known after they were published; of a CPU they are said again", "agent"},
    Field{ids::agent::kRecordsInvalid, "records_invalid", total, none, "ring buffer records of unknown type or size",
          "agent"},
    Field{ids::agent::kClockSteps, "clock_steps", total, none, "steps of the wall clock; each begins a new stream",
          "CLOCK_REALTIME"},
    Field{ids::agent::kTicksLate, "ticks_late", total, none, "publish ticks that came more than one interval late",
          "agent"},
    Field{ids::agent::kClockBackwards, "clock_backwards", total, none,
          "switches whose clock was before the last one's; they count as no time", "kernel counter"},
    Field{ids::agent::kSwitchesMissed, "switches_missed", total, none,
          "context switches that the kernel did not show, as some sandboxes do with their own tasks", "kernel counter"},
    Field{ids::agent::kCgroupsRefused, "cgroups_refused", total, none,
          "events counted for the cgroup (other) because every slot was taken", "kernel counter"},
    Field{ids::agent::kEventsDropped, "events_dropped", total, none,
          "page faults, stalls and other events of memory that are in no window: the agent was late, more tasks were "
          "stalled than can be followed, or the kernel did not show the event",
          "kernel counter"},
    Field{ids::agent::kSwitchesUnmeasured, "switches_unmeasured", total, none,
          "context switches on CPUs that came after the agent was started; it says which, and measures them when it is "
          "restarted",
          "kernel counter"},
    Field{ids::agent::kSleepsUnmarked, "sleeps_unmarked", total, none,
          "tasks moved while they slept of which that could not be noted: their next wait may include sleep",
          "kernel counter"},
};

inline constexpr std::array kMeasurements{
    Measurement{ids::kAgent, "kpulse_agent", Scope::interval, {}, kAgentFields, "The agent itself, once a second."},
};

}  // namespace kpulse::agent_catalog
