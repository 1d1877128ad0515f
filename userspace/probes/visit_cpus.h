// Makes every CPU switch tasks once.
#pragma once

namespace kpulse::probes {

/// Runs the calling thread on each CPU it may use, one after the other, and puts its affinity back. A CPU that spins in
/// one task has no switch for seconds; this one tells the programs what it is doing.
void visit_cpus();

}  // namespace kpulse::probes
