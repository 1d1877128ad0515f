// Waiting for a condition with a limit, instead of sleeping for a guess.
#pragma once

#include <chrono>
#include <thread>

namespace kpulse::test {

/// Evaluates `condition` every few ms until it holds or the limit is over; what it evaluated to last.
template <class Condition>
[[nodiscard]] bool wait_until(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return condition();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace kpulse::test
