#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kpulse {
namespace {

TEST(Log, WritesOneLineWithTimeAndLevelToStderr) {
  testing::internal::CaptureStderr();
  init_log("info");
  spdlog::warn("broker: gone");
  spdlog::debug("not shown");
  spdlog::default_logger()->flush();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::MatchesRegex("20[0-9-]+T[0-9:]+\\.[0-9]+Z warning broker: gone\n"));
}

TEST(Log, TakesANewLevelWhenSetAgain) {
  init_log("info");
  init_log("error");
  EXPECT_EQ(spdlog::get_level(), spdlog::level::err);
}

TEST(RateLimit, LetsOneThroughAndCountsTheRest) {
  RateLimit limit(std::chrono::milliseconds(20));
  std::uint64_t suppressed = 99;
  EXPECT_TRUE(limit.allow(suppressed));
  EXPECT_EQ(suppressed, 0U);
  std::uint64_t refused = 0;
  while (!limit.allow(suppressed)) ++refused;
  EXPECT_EQ(suppressed, refused);
  EXPECT_GT(refused, 0U);
}

}  // namespace
}  // namespace kpulse
