// Writer and rollup against a real InfluxDB 1.x.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/clock.h"
#include "influx/rollup_runner.h"
#include "influx/writer.h"
#include "influxd.h"
#include "render_sample.h"

namespace kpulse::influx {
namespace {

using namespace std::chrono_literals;

class Database : public testing::Test {
 protected:
  void SetUp() override {
    server_ = test::Influxd::start();
    if (!server_) GTEST_SKIP() << "influxd 1.x is not installed";
  }

  [[nodiscard]] WriterOptions options() const {
    return {.server = {.url = server_->url(), .policy = std::string(kHiresPolicy)},
            .version = {},
            .backoff_min = 10ms,
            .backoff_max = 100ms};
  }

  std::unique_ptr<test::Influxd> server_;
};

template <class Condition>
bool eventually(Condition condition) {
  const auto give_up = std::chrono::steady_clock::now() + 15s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(50ms);
  }
  return true;
}

TEST_F(Database, IsCreatedWithItsPoliciesAndTakesEveryLineOfAFrame) {
  Writer writer(options());
  const test::Sample sample = test::sample_lines(wall_ns() / 10'000'000);
  EXPECT_EQ(writer.write(sample.text, sample.lines).committed, sample.lines);
  const auto policies = server_->query("SHOW RETENTION POLICIES ON kpulse");
  EXPECT_EQ(policies[0]["values"].dump(),
            R"([["hires","24h0m0s","1h0m0s",1,true],["rollup","672h0m0s","24h0m0s",1,false]])");
  const auto rows = server_->query("SELECT busy_ns, victim_comm FROM kpulse..kpulse_sched WHERE cpu = '0'");
  ASSERT_EQ(rows[0]["values"].size(), test::kSampleWindows);
  EXPECT_EQ(rows[0]["values"][0][2], "a\"b\\xff\\x0a") << "what the task called itself, made printable";
}

TEST_F(Database, APolicyThatIsMissingIsCreatedToo) {
  (void)server_->query("CREATE DATABASE kpulse");
  Writer writer(options());
  const test::Sample sample = test::sample_lines(wall_ns() / 10'000'000);
  EXPECT_EQ(writer.write(sample.text, sample.lines).committed, sample.lines);
  EXPECT_EQ(server_->query("SELECT count(busy_ns) FROM kpulse.hires.kpulse_sched")[0]["values"][0][1],
            2 * test::kSampleWindows);
}

TEST_F(Database, APartialWriteKeepsTheGoodLines) {
  Writer writer(options());
  ASSERT_EQ(writer.write("m v=1i\n", 1).committed, 1U);
  const Written written = writer.write("m,t=a v=2i\nm,t=b v=\"text\"\nm,t=c v=3i\n", 3);
  EXPECT_EQ(written.committed, 2U);
  EXPECT_EQ(written.refused, 1U);
}

TEST_F(Database, ARestartLosesNothing) {
  Writer writer(options());
  ASSERT_EQ(writer.write("m v=1i\n", 1).committed, 1U);
  server_->stop();
  std::thread restart([&] {
    EXPECT_TRUE(eventually([&] { return writer.stats().retries > 0; }));
    EXPECT_TRUE(server_->run());
  });
  EXPECT_EQ(writer.write("m,t=a v=1i\n", 1).committed, 1U);
  restart.join();
}

TEST_F(Database, TheRollupSumsUpByKindAndIsRightAgainAfterLateData) {
  const std::uint64_t begin = (wall_ns() / kRollupNs - 3) * kRollupNs;
  Writer writer(options());
  RollupRunner rollup(options().server, {}, true);
  rollup.set_version(Version::v1);
  const auto write = [&](std::uint64_t at_ns) {
    const test::Sample sample = test::sample_lines(at_ns / 10'000'000);
    ASSERT_EQ(writer.write(sample.text, sample.lines).committed, sample.lines);
    rollup.touch(at_ns, at_ns);
  };
  const auto rolled_up = [&](const std::string& what, const std::string& from) {
    const auto series = server_->query("SELECT " + what + " FROM kpulse.rollup." + from);
    return series.empty() ? nlohmann::json() : series[0]["values"][0];
  };
  write(begin);
  ASSERT_TRUE(eventually([&] { return rollup.stats().runs == 1; }));
  const auto once = rolled_up("busy_ns, busy_ratio, wait_max_ns", "kpulse_sched WHERE cpu = '0'");
  EXPECT_EQ(once[1], 10 * 2'500'000);
  EXPECT_EQ(once[2], 0.25);
  EXPECT_EQ(once[3], 9);
  write(begin + 1'000'000'000);
  ASSERT_TRUE(eventually([&] { return rollup.stats().runs == 2; }));
  EXPECT_EQ(rolled_up("busy_ns", "kpulse_sched WHERE cpu = '0'")[1], 20 * 2'500'000);
  EXPECT_EQ(rolled_up("count, sum_ns", "kpulse_sched_wait WHERE cpu = '1'")[1], 6);
  EXPECT_EQ(rolled_up("count", "kpulse_sched_wait_le WHERE le = '8'")[1], 12);
  const auto tags = server_->query("SELECT * FROM kpulse.rollup.kpulse_sched GROUP BY *");
  EXPECT_EQ(tags.size(), 2U) << "one series per CPU: tags stay tags";
  EXPECT_EQ(tags[0]["tags"].dump(), R"({"cpu":"0","host":"vm1"})");
  EXPECT_EQ(tags[0]["columns"].dump().find("victim"), std::string::npos);
}

}  // namespace
}  // namespace kpulse::influx
