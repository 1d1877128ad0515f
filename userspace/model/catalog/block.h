// Block probe: measurements and fields. Read by catalog.cpp only.
#pragma once

#include <array>
#include <string_view>

#include "model/catalog.h"
#include "model/ids.h"

namespace kpulse::block_catalog {

using enum Kind;
using enum Unit;

inline constexpr std::array<std::string_view, 2> kTags{"device", "op"};

inline constexpr std::array kFields{
    Field{ids::block::kIos, "ios", amount, none, "I/Os that ended, each once, failed ones too",
          "block_rq_complete with the last byte; block_bio_complete"},
    Field{ids::block::kBytes, "io_bytes", amount, bytes, "their bytes", "block_rq_complete; bio.bi_iter"},
    Field{ids::block::kQueue, "queue_ns", amount, nanoseconds,
          "their time from submission until the driver got them; 0 for bio-based devices",
          "block_io_start to block_rq_issue"},
    Field{ids::block::kDevice, "device_ns", amount, nanoseconds,
          "their time from then until their end; bio-based devices: from submission",
          "block_rq_issue to block_rq_complete"},
    Field{ids::block::kDepth, "depth", real, none, "I/Os at the device, mean over the window", "the same"},
    Field{ids::block::kDepthMax, "depth_max", peak, none, "most I/Os at the device at once", "the same"},
    Field{ids::block::kWorst, "worst_ns", peak, nanoseconds, "time of the I/O that took longest, queue and device",
          "the same"},
    Field{ids::block::kWorstQueue, "worst_queue_ns", peak, nanoseconds, "of that, before the driver got it",
          "the same"},
    Field{ids::block::kWorstBytes, "worst_bytes", peak, bytes, "its size", "the same"},
    Field{ids::block::kWorstSector, "worst_sector", level, none, "its first sector of 512 bytes",
          "request.__sector; bio.bi_iter"},
    Field{ids::block::kSubmitter, "submitter", task, none,
          "task that submitted it; for a kernel thread's, the cgroup is the one it was submitted for",
          "current at block_io_start; bio.bi_blkg; page.memcg_data"},
    Field{ids::block::kErrorsIo, "errors_io", amount, none, "I/Os that failed with EIO", "BLK_STS_IOERR"},
    Field{ids::block::kErrorsTimeout, "errors_timeout", amount, none, "I/Os that failed with ETIMEDOUT",
          "BLK_STS_TIMEOUT"},
    Field{ids::block::kErrorsNospc, "errors_nospc", amount, none, "I/Os that failed with ENOSPC", "BLK_STS_NOSPC"},
    Field{ids::block::kErrorsOther, "errors_other", amount, none, "I/Os that failed in another way",
          "any other status"},
    Field{ids::block::kRequeues, "requeues", amount, none, "times the device would not take an I/O now",
          "block_rq_requeue"},
    Field{ids::block::kMerges, "merges", amount, none, "I/Os that became part of another one before they were issued",
          "block_bio_backmerge, block_bio_frontmerge, block_rq_merge"},
};

inline constexpr std::array kQueueFields{
    Field{ids::histogram::kDistribution, "queue", histogram, nanoseconds,
          "queue time of the I/Os that ended in the interval; from 256 ns to 17 s", "block_io_start to block_rq_issue"},
};
inline constexpr std::array kDeviceFields{
    Field{ids::histogram::kDistribution, "device", histogram, nanoseconds,
          "device time of the I/Os that ended in the interval; from 256 ns to 17 s",
          "block_rq_issue to block_rq_complete"},
};
inline constexpr std::array kTotalFields{
    Field{ids::histogram::kDistribution, "total", histogram, nanoseconds,
          "queue and device time of the I/Os that ended in the interval; from 256 ns to 17 s",
          "block_io_start to block_rq_complete"},
};

inline constexpr std::array kLossFields{
    Field{ids::block_losses::kOverruns, "overruns", total, none,
          "events in no window, because the agent was too late to clear its slot", "kernel counter"},
    Field{ids::block_losses::kShared, "shared", total, none,
          "events counted for the device other, because all series were taken", "kernel counter"},
    Field{ids::block_losses::kUnseen, "unseen", total, none,
          "I/Os that ended without a note of how they began: timed by the request's own stamps, submitter unknown",
          "kernel counter"},
    Field{ids::block_losses::kUntimed, "untimed", total, none, "of these, I/Os without stamps: counted, in no time",
          "kernel counter"},
    Field{ids::block_losses::kUnended, "unended", total, none,
          "I/Os whose end was not seen: counted, in no time, once their request is used again", "kernel counter"},
    Field{ids::block_losses::kUncounted, "uncounted", total, none,
          "I/Os of bio-based devices that were not counted, because too many were in flight", "kernel counter"},
    Field{ids::block_losses::kBackwards, "backwards", total, none,
          "I/Os that ended before they began by the clock; they count as no time", "kernel counter"},
    Field{ids::block_losses::kMissed, "missed", total, none,
          "events that came while the same program ran on the same CPU", "bpf_prog_info.recursion_misses"},
};

inline constexpr std::array<std::string_view, 2> kGroupTags{"cgroup", "op"};

inline constexpr std::array kGroupFields{
    Field{ids::cgroup_io::kIos, "ios", amount, none, "I/Os submitted for the cgroup that ended",
          "as the submitter of kpulse_block"},
    Field{ids::cgroup_io::kBytes, "io_bytes", amount, bytes, "their bytes", "as in kpulse_block"},
    Field{ids::cgroup_io::kTime, "io_ns", amount, nanoseconds, "their time, queue and device", "as in kpulse_block"},
};

inline constexpr std::array kMeasurements{
    Measurement{
        ids::kBlock, "kpulse_block", Scope::window, kTags, kFields,
        "What one disk or partition did in one window, by operation: read, write, discard, flush, other. A disk has "
        "what its partitions have, too."},
    Measurement{ids::kBlockQueue, "kpulse_block_queue", Scope::interval, kTags, kQueueFields,
                "Distribution of the time that I/Os wait for the driver."},
    Measurement{ids::kBlockDevice, "kpulse_block_device", Scope::interval, kTags, kDeviceFields,
                "Distribution of the time that the device has I/Os."},
    Measurement{ids::kBlockTotal, "kpulse_block_total", Scope::interval, kTags, kTotalFields,
                "Distribution of the whole time of I/Os."},
    Measurement{ids::kBlockLosses,
                "kpulse_block_losses",
                Scope::interval,
                {},
                kLossFields,
                "What the block probe could not measure, whenever that changes."},
    Measurement{ids::kCgroupIo, "kpulse_cgroup_io", Scope::interval, kGroupTags, kGroupFields,
                "Block I/O of one cgroup on all disks, by operation. Counted once where devices are stacked (dm, md): "
                "at the disks below. An "
                "I/O to a loop device is one, and what it causes below is another."},
};

}  // namespace kpulse::block_catalog
