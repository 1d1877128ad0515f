#include "bpf/cpus.h"

#include <bpf/libbpf.h>
#include <gmock/gmock.h>

namespace kpulse::bpf {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Cpus, AListIsNumbersAndRanges) {
  EXPECT_THAT(parse_cpus("0"), ElementsAre(0));
  EXPECT_THAT(parse_cpus("0-1"), ElementsAre(0, 1));
  EXPECT_THAT(parse_cpus("0-2,5,7-8"), ElementsAre(0, 1, 2, 5, 7, 8));
}

TEST(Cpus, WhatIsNoListIsEmpty) {
  for (const char* text : {"", "\n", "a", "0-", "-1", "0,", "0-1x", "3-1", "0,3-1", "1,0", "0-99999999999", "4096"}) {
    EXPECT_THAT(parse_cpus(text), IsEmpty()) << text;
  }
  EXPECT_THAT(parse_cpus("0-4095"), SizeIs(4096));
}

TEST(Cpus, OfThisMachineAreAtMostThePossibleOnes) {
  EXPECT_THAT(online_cpus(), Not(IsEmpty()));
  EXPECT_GT(present_cpus(), online_cpus().back());
  EXPECT_LE(present_cpus(), static_cast<std::uint32_t>(libbpf_num_possible_cpus()));
}

}  // namespace
}  // namespace kpulse::bpf
