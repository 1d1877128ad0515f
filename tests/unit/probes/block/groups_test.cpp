#include "probes/block/groups.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "model/ids.h"

namespace kpulse::probes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
namespace id = ids::cgroup_io;

class BlockGroupsTest : public testing::Test {
 protected:
  std::vector<Series> collect() {
    std::vector<Series> series;
    groups_.collect(
        cpus_, bios_, [](std::uint32_t slot) { return "slot " + std::to_string(slot); }, series);
    return series;
  }
  static constexpr std::uint32_t kWrites = 7 * KP_BLOCK_OPS + KP_BLOCK_WRITE;

  std::vector<kp_block_cpu> cpus_ = std::vector<kp_block_cpu>(2);
  std::vector<kp_block_group> bios_ = std::vector<kp_block_group>(KP_BLOCK_GROUPS);
  BlockGroups groups_;
};

TEST_F(BlockGroupsTest, RequestsAndBiosOfAllCpusAddUp) {
  cpus_[0].requests[kWrites] = {.ios = 1, .bytes = 512, .ns = 10};
  cpus_[1].requests[kWrites] = {.ios = 2, .bytes = 1024, .ns = 20};
  bios_[kWrites] = {.ios = 4, .bytes = 0, .ns = 0};
  const std::vector<Series> series = collect();
  ASSERT_THAT(series, SizeIs(1));
  EXPECT_EQ(series[0].measurement, ids::kCgroupIo);
  EXPECT_THAT(series[0].tags, ElementsAre("slot 7", "write"));
  ASSERT_THAT(series[0].columns, SizeIs(3));
  EXPECT_THAT(series[0].columns[0].values, ElementsAre(7));
  EXPECT_THAT(series[0].columns[1].values, ElementsAre(1536));
  EXPECT_THAT(series[0].columns[2].values, ElementsAre(30));
}

TEST_F(BlockGroupsTest, OnlyWhatCameSinceTheLastFrameIsSentAndNothingOfTheIdle) {
  cpus_[0].requests[kWrites] = {.ios = 1, .bytes = 512, .ns = 10};
  collect();
  EXPECT_THAT(collect(), IsEmpty());
  cpus_[0].requests[kWrites] = {.ios = 3, .bytes = 512, .ns = 11};
  const std::vector<Series> series = collect();
  ASSERT_THAT(series, SizeIs(1));
  ASSERT_THAT(series[0].columns, SizeIs(2));
  EXPECT_EQ(series[0].columns[0].field, id::kIos);
  EXPECT_THAT(series[0].columns[0].values, ElementsAre(2));
  EXPECT_EQ(series[0].columns[1].field, id::kTime);
}

}  // namespace
}  // namespace kpulse::probes
