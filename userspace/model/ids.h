// Numbers of measurements and fields, for the code that fills them in. Never reuse or change one.
#pragma once

#include <cstdint>

namespace kpulse::ids {

inline constexpr std::uint32_t kSched = 1;
namespace sched {
inline constexpr std::uint32_t kBusy = 1, kIdle = 2, kBusyRatio = 3, kSwitches = 4, kVoluntary = 5, kInvoluntary = 6,
                               kWaits = 7, kWait = 8, kWaitMax = 9, /* 10 was wait_max_held_ns */ kVictim = 11,
                               kCulprit = 12, kMigrations = 13, kForks = 14, kExecs = 15, kExits = 16,
                               kWaitsDiscarded = 17, kCulpritTime = 18, kDiscarded = 19, kWaitsPartial = 20,
                               kRunnableMax = 21, kStolen = 22, kIrq = 23;
}

inline constexpr std::uint32_t kSchedWait = 2;
inline constexpr std::uint32_t kSchedOnCpu = 3;
namespace histogram {
inline constexpr std::uint32_t kDistribution = 1;
}

inline constexpr std::uint32_t kAgent = 4;
namespace agent {
inline constexpr std::uint32_t kFramesPublished = 1, kFramesAcknowledged = 2, kFramesDiscarded = 3, kPublishErrors = 4,
                               kQueueBytes = 5, kQueueFrames = 6, kConnects = 7, kCpu = 8, kRss = 9, kRecords = 10,
                               kRingDropped = 11, kWindowsLost = 12, kWindowsLate = 13, kRecordsInvalid = 14,
                               kClockSteps = 15, kTicksLate = 16, kClockBackwards = 17, kSwitchesMissed = 18,
                               kCgroupsRefused = 19, kEventsDropped = 20, kSwitchesUnmeasured = 21,
                               kSleepsUnmarked = 22;
}

inline constexpr std::uint32_t kBridge = 5;
namespace bridge {
inline constexpr std::uint32_t kFramesReceived = 1, kFramesRejected = 2, kFramesMissing = 3, kFramesDuplicate = 4,
                               kFramesDiscarded = 5, kFramesCommitted = 6, kLinesCommitted = 7, kLinesDropped = 8,
                               kRetries = 9, kQueueBytes = 10, kDatabaseReachable = 11, kBrokerConnected = 12,
                               kHosts = 13, kCpu = 14, kRss = 15;
}

inline constexpr std::uint32_t kCgroupSched = 6;
namespace cgroup_sched {
inline constexpr std::uint32_t kCpu = 1, kSwitches = 2, kWaits = 3, kWait = 4;
}
inline constexpr std::uint32_t kCgroupWait = 7;

inline constexpr std::uint32_t kProcess = 8;
namespace process {
inline constexpr std::uint32_t kTask = 1, kCpu = 2, kWait = 3, kMinorFaults = 4, kMajorFaults = 5, kRead = 6,
                               kWrite = 7, kThreads = 8, kInterval = 9;
}

inline constexpr std::uint32_t kBlock = 10;
namespace block {
inline constexpr std::uint32_t kIos = 1, kBytes = 2, kQueue = 3, kDevice = 4, kDepth = 5, kDepthMax = 6, kWorst = 7,
                               kWorstQueue = 8, kWorstBytes = 9, kWorstSector = 10, kSubmitter = 11, kErrorsIo = 12,
                               kErrorsTimeout = 13, kErrorsNospc = 14, kErrorsOther = 15, kRequeues = 16, kMerges = 17;
}
inline constexpr std::uint32_t kBlockQueue = 11;
inline constexpr std::uint32_t kBlockDevice = 12;
inline constexpr std::uint32_t kBlockTotal = 13;

inline constexpr std::uint32_t kBlockLosses = 14;
namespace block_losses {
inline constexpr std::uint32_t kOverruns = 1, kShared = 2, kUnseen = 3, kUntimed = 4, kUnended = 5, kUncounted = 6,
                               kBackwards = 7, kMissed = 8;
}

inline constexpr std::uint32_t kCgroupIo = 15;
namespace cgroup_io {
inline constexpr std::uint32_t kIos = 1, kBytes = 2, kTime = 3;
}

inline constexpr std::uint32_t kMemory = 20;
namespace memory {
inline constexpr std::uint32_t kUserFaults = 1, kKernelFaults = 2, kMajorFaults = 3, kDirectCount = 4, kDirect = 5,
                               kDirectBytes = 6, kMemcgCount = 7, kMemcg = 8, kMemcgBytes = 9, kCompactionCount = 10,
                               kCompaction = 11, kThrottleCount = 12, kThrottle = 13, kKswapdWakes = 14, kKswapd = 15,
                               kFallbacks = 16, kStallMax = 17, kStallKind = 18, kStallTask = 19;
}
inline constexpr std::uint32_t kMemoryStall = 21;

inline constexpr std::uint32_t kOom = 22;
namespace oom {
inline constexpr std::uint32_t kVictim = 1, kInvoker = 2, kTotal = 3, kAnon = 4, kFile = 5, kShmem = 6;
}

inline constexpr std::uint32_t kCgroupMemory = 23;
namespace cgroup_memory {
inline constexpr std::uint32_t kFaults = 1, kMajorFaults = 2, kDirectCount = 3, kDirect = 4, kMemcgCount = 5,
                               kMemcg = 6, kCompactionCount = 7, kCompaction = 8, kThrottleCount = 9, kThrottle = 10;
}

inline constexpr std::uint32_t kWaiting = 24;
namespace waiting {
inline constexpr std::uint32_t kTasks = 1, kLongest = 2, kTask = 3, kRunning = 4;
}

inline constexpr std::uint32_t kInFlight = 25;
namespace in_flight {
inline constexpr std::uint32_t kIos = 1, kOldest = 2, kOldestDevice = 3, kSubmitter = 4;
}

}  // namespace kpulse::ids
