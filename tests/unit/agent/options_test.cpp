#include "agent/options.h"

#include <gtest/gtest.h>

namespace kpulse::agent {
namespace {

using namespace std::chrono_literals;

TEST(AgentOptions, PublishMustBeAWholeNumberOfWindows) {
  for (const auto publish : {25ms, 5ms}) {
    Options options{.host = "vm1", .window = 10ms, .publish = publish};
    const auto done = complete(options);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::usage);
    EXPECT_NE(done.error().message.find("publish"), std::string::npos);
  }
}

TEST(AgentOptions, AHostNameMustFitIntoATopic) {
  for (const char* host : {"a/b", "a+b", "#", "a b", "a,b"}) {
    Options options{.host = host};
    EXPECT_FALSE(complete(options)) << host;
  }
}

TEST(AgentOptions, TheDefaultHostIsTheMachinesName) {
  Options options;
  ASSERT_TRUE(complete(options));
  EXPECT_FALSE(options.host.empty());
}

}  // namespace
}  // namespace kpulse::agent
