#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <sstream>

#include "fixture.h"
#include "support/net.h"
#include "support/process.h"

namespace kpulse::mqtt::test {
namespace {

using kpulse::test::Mosquitto;
using Clock = std::chrono::steady_clock;

TEST(MqttStop, FlushesTheQueueAndSaysFarewell) {
  KPULSE_NEEDS_MOSQUITTO();
  Mosquitto broker;
  Inbox inbox;
  const auto reader = subscriber(options_for(broker.port()), {"#"}, inbox);
  auto options = options_for(broker.port());
  options.last_will = {{.topic = "state", .payload = "died", .retain = true}};
  auto writer = start(std::move(options));
  ASSERT_TRUE(connected(*writer));
  for (int i = 0; i < 1000; ++i) writer->publish({.topic = "t", .payload = std::to_string(i)});
  EXPECT_TRUE(writer->stop(milliseconds(5000), {{.topic = "state", .payload = "left", .retain = true}}));
  EXPECT_TRUE(wait_until([&] { return inbox.distinct() == 1001; }));
  EXPECT_EQ(inbox.count("state", "left"), 1);
  EXPECT_FALSE(writer->stop(milliseconds(0)));
  writer.reset();
  // A will would come when the connection ends, so before what is published after that.
  reader->publish({.topic = "marker", .payload = "end"});
  ASSERT_TRUE(wait_until([&] { return inbox.count("marker", "end") == 1; }));
  EXPECT_EQ(inbox.count("state", "died"), 0);
}

TEST(MqttStop, WaitsForAConnectionThatIsJustBeingMade) {
  KPULSE_NEEDS_MOSQUITTO();
  Mosquitto broker;
  const auto writer = start(options_for(broker.port()));
  writer->publish({.topic = "t", .payload = "at once"});
  EXPECT_TRUE(writer->stop(milliseconds(3000)));
  EXPECT_EQ(writer->stats().acknowledged, 1U);
}

TEST(MqttStop, ReturnsWithinItsLimitWhenTheBrokerHangs) {
  KPULSE_NEEDS_MOSQUITTO();
  Mosquitto broker;
  const auto writer = start(options_for(broker.port()));
  ASSERT_TRUE(connected(*writer));
  kill(broker.pid(), SIGSTOP);
  writer->publish({.topic = "t", .payload = "x"});
  const auto begin = Clock::now();
  EXPECT_FALSE(writer->stop(milliseconds(300), {{.topic = "state", .payload = "left"}}));
  const auto took = Clock::now() - begin;
  EXPECT_GE(took, milliseconds(300));
  EXPECT_LE(took, milliseconds(500));
}

TEST(MqttStop, ReturnsWithinItsLimitWhenTheAddressSwallowsConnections) {
  const auto hole = kpulse::test::make_blackhole();
  const auto writer = start(options_for(hole.listener.port));
  writer->publish({.topic = "t", .payload = "x"});
  const auto begin = Clock::now();
  EXPECT_FALSE(writer->stop(milliseconds(300)));
  EXPECT_LE(Clock::now() - begin, milliseconds(500));
}

TEST(MqttStop, ReturnsAtOnceWhenThereIsNothingToSayAndNobodyToHearIt) {
  const auto writer = start(options_for(kpulse::test::free_port()));
  const auto begin = Clock::now();
  EXPECT_TRUE(writer->stop(milliseconds(5000)));
  EXPECT_LE(Clock::now() - begin, milliseconds(1000));
}

TEST(MqttStop, LeavesTheThreadBehindWhenItHangs) {
  KPULSE_NEEDS_MOSQUITTO();
  Mosquitto broker;
  // What a name look-up does to the thread, a callback can do here: it hangs until the test lets it go.
  auto gate = std::make_shared<std::mutex>();
  auto hanging = std::make_shared<std::atomic<bool>>(false);
  auto returned = std::make_shared<std::atomic<bool>>(false);
  std::unique_lock closed(*gate);
  auto options = options_for(broker.port());
  options.subscriptions = {"t"};
  options.on_connect = {{.topic = "t", .payload = "x"}};
  options.on_message = [gate, hanging, returned](std::string_view, std::string_view, bool) {
    hanging->store(true);
    const std::lock_guard lock(*gate);
    returned->store(true);
  };
  auto client = start(std::move(options));
  ASSERT_TRUE(wait_until([&] { return hanging->load(); }));
  const auto begin = Clock::now();
  EXPECT_FALSE(client->stop(milliseconds(100)));
  client.reset();
  EXPECT_LE(Clock::now() - begin, milliseconds(300));
  closed.unlock();
  EXPECT_TRUE(wait_until([&] { return returned->load(); }));
  // The last owner of the callback is the thread: when only this test holds the gate, the thread is gone.
  EXPECT_TRUE(wait_until([&] { return gate.use_count() == 1; }));
}

// Not a test of its own: the child that the next one kills.
TEST(MqttStop, DISABLED_ChildThatIsKilled) {
  auto options = options_for(static_cast<std::uint16_t>(std::stoi(std::getenv("KPULSE_TEST_PORT"))));
  options.on_connect = {{.topic = "state", .payload = "alive", .retain = true}};
  options.last_will = {{.topic = "state", .payload = "died", .retain = true}};
  const auto client = start(std::move(options));
  pause();
}

TEST(MqttStop, HasTheBrokerPublishTheLastWillOfAKilledProcess) {
  KPULSE_NEEDS_MOSQUITTO();
  Mosquitto broker;
  Inbox inbox;
  const auto reader = subscriber(options_for(broker.port()), {"state"}, inbox);
  auto child = kpulse::test::Process::spawn(
      {std::filesystem::read_symlink("/proc/self/exe").string(), "--gtest_also_run_disabled_tests",
       "--gtest_filter=MqttStop.DISABLED_ChildThatIsKilled"},
      {.output = {}, .environment = {{"KPULSE_TEST_PORT", std::to_string(broker.port())}}});
  ASSERT_TRUE(wait_until([&] { return inbox.count("state", "alive") == 1; }));
  EXPECT_EQ(child.stop(SIGKILL), 128 + SIGKILL);
  EXPECT_TRUE(wait_until([&] { return inbox.count("state", "died") == 1; }));
  Inbox late;
  const auto second = subscriber(options_for(broker.port()), {"state"}, late);
  EXPECT_TRUE(wait_until([&] { return late.count("state", "died") == 1 && late.retained() == 1; }));
}

// Voluntary context switches of the network thread so far.
long sleeps_of_network_thread() {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (kpulse::test::read_file(task.path() / "comm") != "kp-mqtt\n") continue;
    std::istringstream status(kpulse::test::read_file(task.path() / "status"));
    for (std::string word; status >> word;) {
      if (word == "voluntary_ctxt_switches:") {
        long count = 0;
        status >> count;
        return count;
      }
    }
  }
  return -1;
}

TEST(MqttIdle, WakesUpAboutOnceASecond) {
  KPULSE_NEEDS_MOSQUITTO();
  Mosquitto broker;
  const auto client = start(options_for(broker.port()));
  client->publish({.topic = "t", .payload = "x"});
  ASSERT_TRUE(wait_until([&] { return client->stats().acknowledged == 1; }));
  const long before = sleeps_of_network_thread();
  ASSERT_GE(before, 0);
  const auto end = Clock::now() + milliseconds(2000);
  ASSERT_TRUE(wait_until([&] { return Clock::now() >= end; }));
  EXPECT_LE(sleeps_of_network_thread() - before, 6);
}

}  // namespace
}  // namespace kpulse::mqtt::test
