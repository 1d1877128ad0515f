#include "cli/system_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kpulse::cli {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kPerfmon = 1ULL << 38U;
constexpr std::uint64_t kBpf = 1ULL << 39U;
constexpr std::uint64_t kAdmin = 1ULL << 21U;

TEST(SystemChecks, WarnAboutMemlockOnlyOnOldKernels) {
  EXPECT_EQ(check_kernel("6.18.0-foo").verdict, Verdict::ok);
  EXPECT_EQ(check_kernel("5.11").verdict, Verdict::ok);
  EXPECT_EQ(check_kernel("5.10.0-30-amd64").verdict, Verdict::warn);
  EXPECT_EQ(check_kernel("4.19").verdict, Verdict::warn);
}

TEST(SystemChecks, FailWithoutBtfAndSayWhatToDo) {
  const Check check = check_btf("/nonexistent/btf");
  EXPECT_EQ(check.verdict, Verdict::fail);
  EXPECT_THAT(check.advice, HasSubstr("CONFIG_DEBUG_INFO_BTF"));
  EXPECT_EQ(check_btf("/proc/self/status").verdict, Verdict::ok);
}

TEST(SystemChecks, ReadTheEffectiveCapabilities) {
  EXPECT_EQ(effective_capabilities("CapPrm:\t0\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n"), 0x1ffffffffffU);
  EXPECT_FALSE(effective_capabilities("CapPrm:\t0\n"));
  EXPECT_FALSE(effective_capabilities("CapEff:\tx"));
}

TEST(SystemChecks, WantBpfAndPerfmonOrAdmin) {
  EXPECT_EQ(check_capabilities(kBpf | kPerfmon).verdict, Verdict::ok);
  EXPECT_EQ(check_capabilities(kAdmin).verdict, Verdict::ok);
  EXPECT_EQ(check_capabilities(kBpf).verdict, Verdict::permission);
  EXPECT_EQ(check_capabilities(kPerfmon).verdict, Verdict::permission);
  const Check none = check_capabilities(0);
  EXPECT_THAT(none.detail, HasSubstr("CAP_BPF missing, CAP_PERFMON missing"));
  EXPECT_THAT(none.advice, HasSubstr("cap_bpf,cap_perfmon"));
}

TEST(SystemChecks, SayWhichPriorityTheLoopMayHave) {
  EXPECT_EQ(check_priority({.priority = Priority::realtime}).verdict, Verdict::ok);
  EXPECT_THAT(check_priority({.priority = Priority::realtime}).detail, HasSubstr("SCHED_RR"));
  const Check raised = check_priority({.priority = Priority::raised, .realtime_error = EPERM});
  EXPECT_EQ(raised.verdict, Verdict::warn) << "it measures all the same";
  EXPECT_THAT(raised.detail, HasSubstr("nice -10, real-time priority is refused: Operation not permitted"));
  EXPECT_THAT(raised.advice, HasSubstr("CAP_SYS_NICE"));
}

TEST(SystemChecks, TakeAProgramThatIsNotAttachedForAWarning) {
  const auto checks =
      program_checks({{.probe = "sched", .name = "switch", .attached = true, .reason = {}},
                      {.probe = "sched", .name = "execs", .attached = false, .reason = "no\ntracepoint"}});
  ASSERT_EQ(checks.size(), 2U);
  EXPECT_EQ(checks[0].name, "sched/switch");
  EXPECT_EQ(checks[0].verdict, Verdict::ok);
  EXPECT_EQ(checks[1].verdict, Verdict::warn);
  EXPECT_EQ(checks[1].detail, "not attached: no\\x0atracepoint");
}

}  // namespace
}  // namespace kpulse::cli
