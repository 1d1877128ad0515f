#include "probes/block/measured.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <string>

#include "model/ids.h"

namespace kpulse::probes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::UnorderedElementsAre;
namespace id = ids::block;

std::vector<std::uint32_t> without(const std::set<std::string, std::less<>>& missing) {
  return unmeasured_block([&](std::string_view program) { return !missing.contains(program); });
}

TEST(UnmeasuredBlock, IsNothingWhenTheProgramsOfThisKernelAreAttached) {
  EXPECT_THAT(without({}), IsEmpty());
  EXPECT_THAT(without({"kp_io_start"}), IsEmpty());  // before 6.4
  EXPECT_THAT(without({"kp_rq_insert"}), IsEmpty());
}

TEST(UnmeasuredBlock, IsWhatAProgramAloneCounts) {
  EXPECT_THAT(without({"kp_rq_requeue"}), ElementsAre(id::kRequeues));
  for (const char* missing : {"kp_rq_merge", "kp_backmerge", "kp_frontmerge"}) {
    EXPECT_THAT(without({missing}), ElementsAre(id::kMerges)) << missing;
  }
}

TEST(UnmeasuredBlock, WithoutTheIssueNoTimeIsKnown) {
  EXPECT_THAT(without({"kp_rq_issue"}), IsSupersetOf({id::kQueue, id::kDevice, id::kDepth, id::kWorst}));
}

TEST(UnmeasuredBlock, WithoutRequestsThoseOfBiosAreAllMeasured) {
  EXPECT_THAT(without({"kp_rq_complete", "kp_rq_issue", "kp_rq_requeue", "kp_rq_merge"}), IsEmpty());
}

TEST(UnmeasuredBlock, WithoutABeginningNobodyIsNamed) {
  EXPECT_THAT(without({"kp_io_start", "kp_rq_insert"}), ElementsAre(id::kSubmitter));
}

TEST(UnmeasuredBlock, TheEndOfARequestAloneSaysWhatEndedAndHowLongAllOfItTook) {
  EXPECT_THAT(unmeasured_by_the_end_alone(),
              UnorderedElementsAre(id::kQueue, id::kDevice, id::kDepth, id::kDepthMax, id::kWorstQueue, id::kSubmitter,
                                   id::kRequeues, id::kMerges));
  EXPECT_TRUE(std::ranges::is_sorted(unmeasured_by_the_end_alone()));
}

}  // namespace
}  // namespace kpulse::probes
