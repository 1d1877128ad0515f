// A recording of what went into the scheduler assembler: the raw bytes of the kernel's side, in order, for replay.
#pragma once

#include <cstddef>
#include <functional>
#include <istream>
#include <ostream>
#include <span>

#include "abi/sched.h"
#include "base/result.h"
#include "probes/probe.h"
#include "probes/sched/assembler.h"

namespace kpulse::probes::recording {

void write(std::ostream& out, const kp_window_config& config);
void write(std::ostream& out, const kp_sched_window& record);
void write(std::ostream& out, std::size_t cpu, const kp_sched_cpu& snapshot);
void write(std::ostream& out, std::size_t cpu, const kp_look& look);
void write(std::ostream& out, std::size_t cpu, std::span<const kp_sched_slot> slots, std::uint64_t end);
void write(std::ostream& out, const WindowRange& windows);

/// Feeds a recording to an assembler; calls `on_collect` where the agent collected a frame. An Error names the entry
/// that is truncated or unknown.
[[nodiscard]] Result<> replay(std::istream& in, SchedAssembler& assembler,
                              const std::function<void(const WindowRange&)>& on_collect);

}  // namespace kpulse::probes::recording
