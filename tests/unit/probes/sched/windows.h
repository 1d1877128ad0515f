// Windows of a CPU as its programs leave them, made by hand.
#pragma once

#include <cstdint>

#include "abi/sched.h"

namespace kpulse::probes {

/// Window `number` of CPU 0 in epoch 1; it begins at number * length.
inline kp_sched_window made_window(std::uint64_t length, std::uint64_t number, std::uint64_t previous,
                                   std::uint32_t switches = 2) {
  kp_sched_window window{};
  window.head = {.type = KP_RECORD_SCHED_WINDOW, .cpu = 0};
  window.number = number;
  window.previous = previous;
  window.start = number * length;
  window.end = window.start + length;
  window.switches = switches;
  window.epoch = 1;
  return window;
}

}  // namespace kpulse::probes
