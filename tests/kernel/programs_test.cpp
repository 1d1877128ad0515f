// What happens when the kernel refuses one program of several.
#include "bpf/programs.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "bpf/libbpf_log.h"
#include "kernel/watch.h"
#include "refused.skel.h"

namespace kpulse::bpf {
namespace {

using testing::HasSubstr;
using Skeleton = Handle<refused_bpf, refused_bpf__destroy>;

class ProgramsTest : public testing::Test {
 protected:
  void SetUp() override {
    KPULSE_NEED_BPF();
    init_libbpf_log();
  }

  Result<> load() {
    const auto types = KernelTypes::load();
    if (!types) return fail(types.error());
    return programs_.load(
        [&]() -> Result<> {
          skeleton_.reset(refused_bpf__open());
          programs_.want(*types, skeleton_->progs.kp_good);
          programs_.want(*types, skeleton_->progs.kp_bad);
          return {};
        },
        [this] { return refused_bpf__load(skeleton_.get()); });
  }

  Skeleton skeleton_;
  Programs programs_{"test"};
};

TEST_F(ProgramsTest, AProgramThatTheVerifierRefusesCostsOnlyItself) {
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().message;
  programs_.attach();
  EXPECT_TRUE(programs_.attached("kp_good"));
  EXPECT_FALSE(programs_.attached("kp_bad"));
  usleep(1'000);  // switches away and back
  EXPECT_GT(skeleton_->bss->kp_runs, 0U);
}

TEST_F(ProgramsTest, TheReportHasTheVerifiersWords) {
  ASSERT_TRUE(load());
  const auto bad = std::ranges::find(programs_.status(), "kp_bad", &ProgramStatus::name);
  ASSERT_NE(bad, programs_.status().end());
  EXPECT_THAT(bad->reason, HasSubstr("invalid bpf_context access"));
}

}  // namespace
}  // namespace kpulse::bpf
