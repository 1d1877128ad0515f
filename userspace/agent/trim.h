// Memory that only starting needed.
#pragma once

namespace kpulse::agent {

/// Gives back the heap's free memory (the kernel's type information took some MB) and unmaps the pages of program and
/// libraries that are not written to; the few that are still needed come back from the page cache. Call once, when all
/// threads run.
void release_startup_memory() noexcept;

}  // namespace kpulse::agent
