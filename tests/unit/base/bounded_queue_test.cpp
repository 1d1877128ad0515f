#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace kpulse {
namespace {

using std::chrono::milliseconds;

TEST(BoundedQueue, HandsOutInTheOrderOfArrival) {
  BoundedQueue<int> queue(100);
  EXPECT_EQ(queue.push(1, 10), 0U);
  EXPECT_EQ(queue.push(2, 10), 0U);
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.bytes(), 20U);
  EXPECT_EQ(queue.try_pop(), 1);
  EXPECT_EQ(queue.try_pop(), 2);
  EXPECT_EQ(queue.try_pop(), std::nullopt);
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(BoundedQueue, DiscardsTheOldestToKeepTheNewestAndCountsThem) {
  BoundedQueue<int> queue(100);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(queue.push(i, 10), 0U);
  EXPECT_EQ(queue.push(10, 10), 1U);
  EXPECT_EQ(queue.push(11, 25), 3U);
  EXPECT_EQ(queue.discarded(), 4U);
  EXPECT_LE(queue.bytes(), 100U);
  EXPECT_EQ(queue.try_pop(), 4);
}

TEST(BoundedQueue, TakesAnItemOfExactlyItsBound) {
  BoundedQueue<int> queue(100);
  EXPECT_EQ(queue.push(1, 100), 0U);
  EXPECT_EQ(queue.push(2, 100), 1U);
  EXPECT_EQ(queue.try_pop(), 2);
}

TEST(BoundedQueue, DiscardsAnItemLargerThanItsBoundAndKeepsTheOthers) {
  BoundedQueue<int> queue(100);
  queue.push(1, 60);
  EXPECT_EQ(queue.push(2, 101), 1U);
  EXPECT_EQ(queue.discarded(), 1U);
  EXPECT_EQ(queue.try_pop(), 1);
}

TEST(BoundedQueue, CarriesTypesThatOnlyMove) {
  BoundedQueue<std::unique_ptr<int>> queue(10);
  queue.push(std::make_unique<int>(7), 4);
  EXPECT_EQ(**queue.try_pop(), 7);
}

TEST(BoundedQueue, WakesAWaitingThreadForAnItemAndForItsEnd) {
  BoundedQueue<int> queue(100);
  std::thread producer([&queue] {
    queue.push(1, 1);
    queue.close();
  });
  EXPECT_EQ(queue.pop_for(std::chrono::seconds(10)), 1);
  EXPECT_EQ(queue.pop_for(std::chrono::seconds(10)), std::nullopt);
  EXPECT_TRUE(queue.closed());
  producer.join();
}

TEST(BoundedQueue, StopsWaitingWhenTheTimeIsOver) {
  BoundedQueue<int> queue(100);
  EXPECT_EQ(queue.pop_for(milliseconds(1)), std::nullopt);
  EXPECT_FALSE(queue.closed());
}

TEST(BoundedQueue, LosesAndInventsNothingBetweenThreads) {
  constexpr int kItems = 20'000;
  BoundedQueue<int> queue(1000);
  std::uint64_t taken = 0;
  int last = -1;
  std::thread consumer([&] {
    while (true) {
      const auto item = queue.pop_for(milliseconds(1));
      if (!item && queue.closed() && queue.size() == 0) return;
      if (!item) continue;
      EXPECT_GT(*item, last);
      last = *item;
      ++taken;
    }
  });
  for (int i = 0; i < kItems; ++i) queue.push(i, 10);
  queue.close();
  consumer.join();
  EXPECT_EQ(taken + queue.discarded(), static_cast<std::uint64_t>(kItems));
  EXPECT_EQ(last, kItems - 1);
}

}  // namespace
}  // namespace kpulse
