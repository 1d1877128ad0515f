#include "bridge/batcher.h"

#include <gtest/gtest.h>

#include "sample.h"

namespace kpulse::bridge {
namespace {

using namespace std::chrono_literals;
using test::frame_of;

struct Summary {
  std::size_t lines;
  std::uint64_t frames;
  bool operator==(const Summary&) const = default;
};

class BatcherTest : public testing::Test {
 protected:
  std::vector<std::shared_ptr<const Batch>> batches_;
  Batcher batcher_{{.lines = 20, .age = 100ms},
                   [this](std::shared_ptr<const Batch> batch) { batches_.push_back(std::move(batch)); }};

  [[nodiscard]] std::vector<Summary> summary() const {
    std::vector<Summary> all;
    for (const auto& batch : batches_) all.push_back({batch->text.lines(), batch->frames});
    return all;
  }
};

TEST_F(BatcherTest, HandsOverWhenTheLinesAreEnoughAndCountsFramesWhereTheyEnd) {
  batcher_.add(frame_of(1, 10), 0);
  batcher_.add(frame_of(2, 10), 0);
  EXPECT_EQ(summary(), (std::vector<Summary>{{20, 2}})) << "the second frame ends exactly where the batch does";
  batcher_.add(frame_of(3, 15), 0);
  batcher_.add(frame_of(4, 50), 0);
  batcher_.flush();
  EXPECT_EQ(summary(), (std::vector<Summary>{{20, 2}, {20, 1}, {20, 0}, {20, 0}, {5, 1}}));
  EXPECT_EQ(batcher_.lines(), 85U);
}

TEST_F(BatcherTest, HandsOverWhenTheFirstLineHasWaitedLongEnough) {
  batcher_.add(frame_of(1), 1'000);
  batcher_.add(frame_of(2, 5), 99'000'000);
  EXPECT_EQ(batcher_.wait(50'001'000), 50ms);
  batcher_.tick(100'000'999);
  EXPECT_TRUE(batches_.empty());
  batcher_.tick(100'001'000);
  EXPECT_EQ(summary(), (std::vector<Summary>{{15, 2}}));
  batcher_.tick(500'000'000);
  EXPECT_EQ(batches_.size(), 1U);
  EXPECT_GT(batcher_.wait(0), 100ms);
}

TEST_F(BatcherTest, NotesTheTensOfSecondsThatLinesLieIn) {
  batcher_.add(frame_of(1), 0);
  Frame spanning = frame_of(2, 10);
  spanning.first_window = 170'000'000'995;
  batcher_.add(spanning, 0);
  ASSERT_EQ(batches_.size(), 1U);
  EXPECT_EQ(batches_[0]->ten_seconds, (std::set<std::uint64_t>{170'000'000, 170'000'001}));
}

TEST_F(BatcherTest, AFrameOfTheBridgeItselfIsNotCounted) {
  batcher_.add(frame_of(1, 1), 0, 0);
  batcher_.flush();
  EXPECT_EQ(summary(), (std::vector<Summary>{{1, 0}}));
}

TEST_F(BatcherTest, AFrameWithoutLinesIsCountedAllTheSame) {
  Frame empty = frame_of(1);
  empty.series.clear();
  batcher_.add(empty, 0);
  batcher_.flush();
  EXPECT_EQ(summary(), (std::vector<Summary>{{0, 1}}));
}

TEST_F(BatcherTest, ABatchThatWasUsedComesBackEmpty) {
  for (int round = 0; round < 10; ++round) {
    batcher_.add(frame_of(1, 20), 0);
    ASSERT_EQ(batches_.size(), 1U);
    EXPECT_EQ(batches_[0]->text.lines(), 20U);
    EXPECT_EQ(batches_[0]->ten_seconds.size(), 1U);
    batches_.clear();
  }
}

}  // namespace
}  // namespace kpulse::bridge
