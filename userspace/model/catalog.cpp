#include "model/catalog.h"

#include <algorithm>
#include <array>

#include "model/ids.h"

namespace kpulse {
namespace {

using enum Kind;
using enum Unit;

constexpr std::array<std::string_view, 1> kCpuTag{"cpu"};

constexpr std::array kSchedFields{
    Field{ids::sched::kBusy, "busy_ns", amount, nanoseconds, "time a task other than idle was on the CPU",
          "sched_switch, run-queue clock"},
    Field{ids::sched::kIdle, "idle_ns", amount, nanoseconds, "rest of the window", "window length - busy_ns"},
    Field{ids::sched::kBusyRatio, "busy_ratio", share, ratio, "busy part of the window, 0 to 1",
          "busy_ns / (busy_ns + idle_ns)", ids::sched::kBusy, ids::sched::kIdle},
    Field{ids::sched::kSwitches, "switches", amount, none, "context switches, those from and to idle included",
          "sched_switch"},
    Field{ids::sched::kVoluntary, "voluntary", amount, none, "switches in which a task gave the CPU up",
          "sched_switch, prev_state"},
    Field{ids::sched::kInvoluntary, "involuntary", amount, none, "switches in which a runnable task lost the CPU",
          "sched_switch, prev_state"},
    Field{ids::sched::kWaits, "wait_count", amount, none, "run-queue waits that ended in the window",
          "task_struct.sched_info.last_queued"},
    Field{ids::sched::kWait, "wait_ns", amount, nanoseconds,
          "run-queue wait: runnable until running; below 2 us it reads 0", "task_struct.sched_info.last_queued"},
    Field{ids::sched::kWaitMax, "wait_max_ns", peak, nanoseconds, "longest of these waits",
          "task_struct.sched_info.last_queued"},
    Field{ids::sched::kHeld, "wait_max_held_ns", peak, nanoseconds,
          "how long the culprit had held the CPU when the longest wait ended", "task_struct.sched_info.last_arrival"},
    Field{ids::sched::kVictim, "victim", task, none, "task of the longest wait", "sched_switch, next"},
    Field{ids::sched::kCulprit, "culprit", task, none, "task that held the CPU until the longest wait ended",
          "sched_switch, prev"},
    Field{ids::sched::kMigrations, "migrations", amount, none, "tasks this CPU moved to another run queue",
          "sched_migrate_task"},
    Field{ids::sched::kForks, "forks", amount, none, "tasks created on this CPU, threads included",
          "sched_process_fork"},
    Field{ids::sched::kExecs, "execs", amount, none, "programs started on this CPU", "sched_process_exec"},
    Field{ids::sched::kExits, "exits", amount, none, "tasks that ended on this CPU, threads included",
          "sched_process_exit"},
    Field{ids::sched::kWaitsDiscarded, "waits_discarded", amount, none,
          "waits not counted because their start could not be trusted", "docs/METRICS.md, known edges"},
};

constexpr std::array kSchedWaitFields{
    Field{ids::histogram::kDistribution, "wait", histogram, nanoseconds, "run-queue waits that ended in the interval",
          "task_struct.sched_info.last_queued"},
};

constexpr std::array kSchedOnCpuFields{
    Field{ids::histogram::kDistribution, "oncpu", histogram, nanoseconds,
          "time on the CPU between two switches, for stints that ended in the interval",
          "task_struct.sched_info.last_arrival"},
};

constexpr std::array kAgentFields{
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
    Field{ids::agent::kWindowsLost, "windows_lost", total, none, "windows of a CPU that were published as absent",
          "agent"},
    Field{ids::agent::kWindowsLate, "windows_late", total, none, "records that came after their window was published",
          "agent"},
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
};

constexpr std::array kBridgeFields{
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

constexpr std::array kCatalog{
    Measurement{ids::kSched, "kpulse_sched", Scope::window, kCpuTag, kSchedFields,
                "What the scheduler of one CPU did in one window."},
    Measurement{ids::kSchedWait, "kpulse_sched_wait", Scope::interval, kCpuTag, kSchedWaitFields,
                "Distribution of run-queue waits of one CPU."},
    Measurement{ids::kSchedOnCpu, "kpulse_sched_oncpu", Scope::interval, kCpuTag, kSchedOnCpuFields,
                "Distribution of the time tasks stay on the CPU."},
    Measurement{ids::kAgent, "kpulse_agent", Scope::interval, {}, kAgentFields, "The agent itself, once a second."},
    Measurement{ids::kBridge,
                "kpulse_bridge",
                Scope::interval,
                {},
                kBridgeFields,
                "The bridge itself, every 10 s; host is the bridge's."},
};

}  // namespace

std::span<const Measurement> catalog() noexcept {
  return kCatalog;
}

const Measurement* find_measurement(std::uint32_t id) noexcept {
  const auto* found = std::ranges::lower_bound(kCatalog, id, {}, &Measurement::id);
  return found != kCatalog.end() && found->id == id ? found : nullptr;
}

const Field* find_field(const Measurement& measurement, std::uint32_t id) noexcept {
  const auto found = std::ranges::lower_bound(measurement.fields, id, {}, &Field::id);
  return found != measurement.fields.end() && found->id == id ? &*found : nullptr;
}

}  // namespace kpulse
