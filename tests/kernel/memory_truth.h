// What kpulse says of memory, against what else is known of it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "kernel/memory_watch.h"

namespace kpulse::test {

/// `missing` events of which kpulse itself says that it has not counted them: a test that is short of memory may come
/// to read later than the programs can wait for.
inline void expect_within(std::uint64_t value, const Bracket& bracket, std::uint64_t missing = 0) {
  EXPECT_GE(value + missing, bracket.least);
  EXPECT_LE(value, bracket.most);
}

}  // namespace kpulse::test
