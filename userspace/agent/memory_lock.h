// The agent's memory stays where it is when the machine is short of memory: that is when it is looked at.
#pragma once

namespace kpulse::agent {

/// Locks what is resident, and where this process may lock any amount also what becomes so later. Nothing is loaded for
/// that. False when it is refused: the agent works all the same.
bool lock_memory() noexcept;

}  // namespace kpulse::agent
