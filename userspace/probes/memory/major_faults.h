// Runs a program at every major fault of the machine. No tracepoint tells a major fault from another one; the kernel's
// software event does, and costs the others nothing.
#pragma once

#include <bpf/libbpf.h>

#include <vector>

#include "base/result.h"
#include "bpf/programs.h"

namespace kpulse::probes {

/// Attaches on every CPU that is online; as long as the links live. An Error when one of them refuses: the count would
/// be too low.
[[nodiscard]] Result<std::vector<bpf::Link>> attach_to_major_faults(const bpf_program* program);

}  // namespace kpulse::probes
