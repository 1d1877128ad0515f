// The two ways to measure run-queue waits, on the same events at the same time.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/histogram.h"
#include "model/ids.h"
#include "probes/sched/sched_probe.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::unique_ptr<probes::Probe>> one_probe(probes::WaitMethod method) {
  std::vector<std::unique_ptr<probes::Probe>> probes;
  probes.push_back(std::make_unique<probes::SchedProbe>(method));
  return probes;
}

/// What has been recorded since.
std::vector<Bucket> since(const std::vector<Bucket>& before, std::vector<Bucket> now) {
  for (const Bucket& bucket : before) {
    const auto found = std::ranges::find(now, bucket.index, &Bucket::index);
    found->count -= bucket.count;
  }
  return now;
}

/// Bucket that holds the q-quantile.
std::uint64_t quantile_bucket(const std::vector<Bucket>& buckets, double q) {
  return kp_hist_bucket(quantile(buckets, q));
}

TEST(SchedMethods, SchedInfoAndWakeupStampsAgreeOnTheMedianAndTheNinetyNinthPercentile) {
  KPULSE_NEED_BPF();
  Watch by_info(10ms, one_probe(probes::WaitMethod::sched_info));
  Watch by_wakeup(10ms, one_probe(probes::WaitMethod::wakeup));
  const std::uint64_t until = wall_ns() + 5'000'000'000;
  const auto nap = [=](Account&) {
    while (wall_ns() < until) {
      const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
      nanosleep(&pause, nullptr);
    }
  };
  Child spinner({.name = "kp_spinner", .cpu = test_cpu()}, [=](Account&) { spin_until(until); });
  Child second({.name = "kp_spinner2", .cpu = test_cpu()}, [=](Account&) { spin_until(until); });
  Child sleeper({.name = "kp_sleeper", .cpu = test_cpu()}, nap);
  const auto catch_up = [&] {
    by_info.catch_up();
    by_wakeup.catch_up();
  };
  catch_up();
  const std::uint64_t first = std::max(by_info.taken(), by_wakeup.taken());
  const auto info_before = by_info.histogram(ids::kSchedWait), wakeup_before = by_wakeup.histogram(ids::kSchedWait);
  while (wall_ns() < until - 500'000'000) catch_up();
  const std::uint64_t end = std::min(by_info.taken(), by_wakeup.taken());
  const auto info = since(info_before, by_info.histogram(ids::kSchedWait));
  const auto wakeup = since(wakeup_before, by_wakeup.histogram(ids::kSchedWait));
  ASSERT_GT(count_of(info), 500U);
  const auto waits = [&](const Watch& watch) { return static_cast<double>(watch.sum(ids::sched::kWaits, first, end)); };
  // The two tell windows apart by different clocks: equal but for a few at both ends.
  EXPECT_NEAR(waits(by_info), waits(by_wakeup), 2 + 0.001 * waits(by_info));
  EXPECT_GE(quantile_bucket(info, 0.5) + 1, quantile_bucket(wakeup, 0.45));  // most are waits after a wakeup
  EXPECT_LE(quantile_bucket(info, 0.5), quantile_bucket(wakeup, 0.55) + 1);
  // The two begin and end a little apart from each other, so a few of the longest may be in one of them only.
  EXPECT_GE(quantile_bucket(info, 0.99) + 1, quantile_bucket(wakeup, 0.985));
  EXPECT_LE(quantile_bucket(info, 0.99), quantile_bucket(wakeup, 0.995) + 1);
}

TEST(SchedMethods, TheFallbackAttachesItsWakeupProgramsAndTheUsualWayDoesNot) {
  KPULSE_NEED_BPF();
  const auto types = bpf::KernelTypes::load();
  ASSERT_TRUE(types) << types.error().message;
  const auto cgroups = cgroups::Table::open(*types);
  ASSERT_TRUE(cgroups) << cgroups.error().message;
  const auto attached = [&](probes::WaitMethod method, const char* name) {
    probes::SchedProbe probe(method);
    const auto done = probe.attach({.types = *types, .cgroups = **cgroups});
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    for (const ProgramStatus& program : probe.programs()) {
      if (program.name == name) return program.attached;
    }
    return false;
  };
  EXPECT_TRUE(attached(probes::WaitMethod::wakeup, "kp_wakeup"));
  EXPECT_FALSE(attached(probes::WaitMethod::sched_info, "kp_wakeup"));
}

}  // namespace
}  // namespace kpulse::test
