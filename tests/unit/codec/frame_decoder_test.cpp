// One decoder for many frames says what decode_frame says to each of them, and does not keep what a huge one needed.
#include "codec/frame_decoder.h"

#include <gtest/gtest.h>

#include <random>

#include "model/ids.h"
#include "sample_frame.h"

namespace kpulse {
namespace {

constexpr std::size_t kLittle = 1U << 20U;

std::string bytes_of(const Frame& frame) {
  std::string bytes;
  encode(frame, bytes);
  return bytes;
}

/// The sample with parts left out, and values that differ.
Frame variation(std::uint32_t seed) {
  std::minstd_rand random(seed + 1);
  Frame frame = test::sample_frame();
  frame.sequence = seed + 1;
  for (Series& series : frame.series) {
    std::erase_if(series.columns, [&random](const Column&) { return random() % 3 == 0; });
    for (Column& column : series.columns) {
      for (Bucket& bucket : column.buckets) bucket.count += random() % 1'000;
    }
  }
  std::erase_if(frame.series, [&random](const Series&) { return random() % 3 == 0; });
  return frame;
}

Frame frame_of_rows(std::uint32_t rows, std::size_t series) {
  Frame frame{.host = "h", .stream = 1, .sequence = 1, .window_ns = 1'000'000, .windows = rows};
  for (std::size_t i = 0; i < series; ++i) {
    Column column{.field = ids::sched::kSwitches, .values = std::vector<std::uint64_t>(rows, i + 1)};
    frame.series.push_back({.measurement = ids::kSched, .tags = {std::to_string(i)}, .columns = {std::move(column)}});
  }
  return frame;
}

TEST(FrameDecoder, NothingOfOneFrameIsLeftInTheNext) {
  FrameDecoder decoder;
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const Frame sent = variation(seed);
    const auto decoded = decoder.decode(bytes_of(sent), sent.host);
    ASSERT_TRUE(decoded) << decoded.error().detail;
    ASSERT_EQ(**decoded, sent) << "seed " << seed;
  }
}

TEST(FrameDecoder, ARejectedFrameLeavesNothingBehindWhereverItBreaks) {
  FrameDecoder decoder;
  const Frame sent = test::sample_frame();
  const std::string bytes = bytes_of(sent);
  for (std::size_t size = 0; size < bytes.size(); size += 3) {
    std::string broken = bytes;
    broken[size] = static_cast<char>(broken[size] ^ 0x55);
    const auto alone = decode_frame(broken, sent.host);
    const auto decoded = decoder.decode(broken, sent.host);
    ASSERT_EQ(decoded.has_value(), alone.has_value()) << size;
    const std::string why = decoded ? "" : decoded.error().detail;
    ASSERT_EQ(why, alone ? "" : alone.error().detail) << size;
    const auto next = decoder.decode(bytes, sent.host);
    ASSERT_TRUE(next) << size;
    ASSERT_EQ(**next, sent) << size;
  }
}

TEST(FrameDecoder, TheMemoryOfAHugeFrameIsGivenUpWithTheNext) {
  FrameDecoder decoder;
  const Frame huge = frame_of_rows(kMaxWindows, 90);
  ASSERT_TRUE(decoder.decode(bytes_of(huge), "h"));
  EXPECT_GT(decoder.memory(), 4 * kLittle);
  ASSERT_TRUE(decoder.decode(bytes_of(frame_of_rows(10, 1)), "h"));
  EXPECT_LT(decoder.memory(), kLittle);
}

TEST(FrameDecoder, LongColumnsOfFramesThatAreNotHugeDoNotStay) {
  FrameDecoder decoder;
  for (std::size_t series = 1; series < 6; ++series) {
    ASSERT_TRUE(decoder.decode(bytes_of(frame_of_rows(kMaxWindows, series)), "h"));
    ASSERT_TRUE(decoder.decode(bytes_of(frame_of_rows(10, 6)), "h"));
    EXPECT_LT(decoder.memory(), kLittle / 8) << series;
  }
}

}  // namespace
}  // namespace kpulse
