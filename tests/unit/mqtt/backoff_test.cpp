#include "mqtt/backoff.h"

#include <gtest/gtest.h>

#include <set>

namespace kpulse::mqtt {
namespace {

using std::chrono::milliseconds;

TEST(MqttBackoff, DoublesItsCeilingUpToTheMaximum) {
  milliseconds longest[8] = {};
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    Backoff backoff(milliseconds(100), milliseconds(1000), seed);
    for (milliseconds& seen : longest) seen = std::max(seen, backoff.next());
  }
  const long ceilings[8] = {100, 200, 400, 800, 1000, 1000, 1000, 1000};
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_LE(longest[i].count(), ceilings[i]);
    EXPECT_GT(longest[i].count(), ceilings[i] * 8 / 10);
  }
}

TEST(MqttBackoff, SpreadsAgentsThatLostTheirBrokerTogether) {
  std::set<long> delays;
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    Backoff backoff(milliseconds(1000), milliseconds(1000), seed);
    static_cast<void>(backoff.next());
    delays.insert(backoff.next().count());
  }
  EXPECT_GT(delays.size(), 80U);
}

TEST(MqttBackoff, StartsAgainAfterAReset) {
  Backoff backoff(milliseconds(10), milliseconds(10'000), 1);
  for (int i = 0; i < 10; ++i) static_cast<void>(backoff.next());
  backoff.reset();
  EXPECT_LE(backoff.next(), milliseconds(10));
}

}  // namespace
}  // namespace kpulse::mqtt
