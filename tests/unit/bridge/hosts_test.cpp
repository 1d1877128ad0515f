#include "bridge/hosts.h"

#include <gtest/gtest.h>

namespace kpulse::bridge {
namespace {

State state_of(std::string host, std::uint64_t stream, bool online) {
  return {.host = std::move(host),
          .stream = stream,
          .online = online,
          .agent_version = {},
          .kernel_release = {},
          .programs = {}};
}

TEST(Hosts, AreCountedOnceAndByWhetherTheyAreOnline) {
  HostTable hosts;
  hosts.update(state_of("a", 1, true));
  hosts.update(state_of("a", 1, true));
  hosts.update(state_of("b", 1, false));
  EXPECT_EQ(hosts.stats().known, 2U);
  EXPECT_EQ(hosts.stats().online, 1U);
  hosts.update(state_of("a", 1, false));
  EXPECT_EQ(hosts.stats().online, 0U);
}

TEST(Hosts, TheWillOfAnEarlierRunDoesNotPutANewOneOffline) {
  HostTable hosts;
  hosts.update(state_of("a", 2, true));
  hosts.update(state_of("a", 1, false));
  EXPECT_EQ(hosts.stats().online, 1U);
}

TEST(Hosts, AreBounded) {
  HostTable hosts;
  for (std::size_t i = 0; i < HostTable::kMaxHosts + 3; ++i) hosts.update(state_of(std::to_string(i), 1, false));
  EXPECT_EQ(hosts.stats().known, HostTable::kMaxHosts);
  EXPECT_EQ(hosts.stats().untracked, 3U);
}

}  // namespace
}  // namespace kpulse::bridge
