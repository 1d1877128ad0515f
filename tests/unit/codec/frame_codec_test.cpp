#include "codec/frame_codec.h"

#include <gtest/gtest.h>
#include <kpulse/v1/frame.pb.h>

#include <cmath>

#include "sample_frame.h"

namespace kpulse {
namespace {

using test::sample_frame;

std::string bytes_of(const Frame& frame) {
  std::string bytes;
  encode(frame, bytes);
  return bytes;
}

TEST(FrameCodec, EveryFieldSurvivesARoundTrip) {
  const Frame frame = sample_frame();
  const auto decoded = decode_frame(bytes_of(frame), frame.host);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(*decoded, frame);
}

TEST(FrameCodec, EventsSurviveARoundTripInAFrameWithoutWindows) {
  const Frame frame = test::sample_events();
  const auto decoded = decode_frame(bytes_of(frame), frame.host);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(*decoded, frame);
}

TEST(FrameCodec, ALateFrameSurvivesARoundTrip) {
  Frame frame = sample_frame();
  frame.late = true;
  std::erase_if(frame.series, [](const Series& series) { return series.measurement != ids::kSched; });
  ASSERT_FALSE(frame.series.empty());
  const auto decoded = decode_frame(bytes_of(frame), frame.host);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(*decoded, frame);
}

TEST(FrameCodec, WhatIsNotMeasuredSurvivesARoundTripUnlessThisBuildDoesNotKnowTheField) {
  Frame frame = sample_frame();
  frame.series[0].unmeasured = {ids::sched::kForks, ids::sched::kExecs};
  Frame newer = frame;
  newer.series[0].unmeasured.push_back(1'000);
  newer.series[0].unmeasured.push_back(ids::sched::kForks);
  const auto decoded = decode_frame(bytes_of(newer), frame.host);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(*decoded, frame);
}

TEST(FrameCodec, SeriesThatShareAMessageSurviveARoundTrip) {
  const Frame frame = test::sample_crowd();
  v1::Frame wire;
  ASSERT_TRUE(wire.ParseFromString(bytes_of(frame)));
  ASSERT_EQ(wire.series_size(), 5);
  EXPECT_EQ(wire.series(0).side_by_side(), 2U);
  EXPECT_EQ(wire.series(2).side_by_side(), 2U);
  EXPECT_EQ(wire.series(2).columns(1).window_parts_size(), 4);
  EXPECT_EQ(wire.series(4).columns(0).sums_size(), 2);
  const auto decoded = decode_frame(bytes_of(frame), frame.host);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(*decoded, frame);
}

TEST(FrameCodec, RealsThatAreNoPartsOfAWindowSurviveToTheBit) {
  for (const double real : {1.0 / 3, -0.5, -0.0, 1e300, 1e-9, 9e9}) {
    Frame frame = test::sample_crowd();
    frame.series[3].columns[1].reals[0] = real;
    const auto decoded = decode_frame(bytes_of(frame), frame.host);
    ASSERT_TRUE(decoded) << decoded.error().detail;
    EXPECT_EQ(*decoded, frame) << real;
    EXPECT_EQ(std::signbit(decoded->series[3].columns[1].reals[0]), std::signbit(real));
  }
}

TEST(FrameCodec, ManySeriesOfAShapeCostLittleMoreThanTheirNamesAndValues) {
  Frame frame = test::sample_crowd();
  const Series one = frame.series.front();
  frame.series.clear();
  for (int number = 0; number < 5'000; ++number) {
    frame.series.push_back(one);
    frame.series.back().tags = {"/pod" + std::to_string(10'000 + number)};
  }
  const std::string bytes = bytes_of(frame);
  EXPECT_LE(bytes.size(), 5'000U * (11 + 2 + 3) + 200);
  const auto decoded = decode_frame(bytes, frame.host);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(*decoded, frame);
}

TEST(FrameCodec, SmallestAndLargestWindowsSurvive) {
  Frame frame{.host = "h",
              .stream = ~0ULL,
              .sequence = ~0ULL,
              .window_ns = 1'000'000,
              .windows = kMaxWindows,
              .tasks = {},
              .series = {}};
  ASSERT_TRUE(decode_frame(bytes_of(frame), "h"));
  frame.window_ns = 1'000'000'000;
  frame.windows = 1;
  const auto decoded = decode_frame(bytes_of(frame), "h");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, frame);
}

TEST(FrameCodec, ABufferIsReusedAndCleared) {
  std::string out = "left over";
  encode(sample_frame(), out);
  const std::string first = out;
  encode(sample_frame(), out);
  EXPECT_EQ(out, first);
  EXPECT_TRUE(decode_frame(out, "vm-1.example"));
}

TEST(FrameCodec, IgnoresFieldsAndMeasurementsItDoesNotKnow) {
  Frame frame = sample_frame();
  Frame newer = frame;
  newer.series[0].columns.push_back({.field = 63, .values = {1, 2, 3, 4, 5}, .reals = {}, .buckets = {}});
  newer.series.push_back({.measurement = 60'000, .tags = {"x", "y"}, .absent = {9, 1}, .columns = {}});
  const auto decoded = decode_frame(bytes_of(newer), frame.host);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(*decoded, frame);
}

TEST(FrameCodec, IgnoresWireFieldsAddedLater) {
  const Frame frame = sample_frame();
  std::string bytes = bytes_of(frame);
  bytes +=
      "\xfa\x07\x03"
      "new";                                // field 127, length-delimited
  bytes += std::string("\xf0\x07\x2a", 3);  // field 126, varint
  const auto decoded = decode_frame(bytes, frame.host);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(*decoded, frame);
}

TEST(FrameCodec, IgnoresTheRowsOfAFieldItDoesNotKnowHoweverMany) {
  v1::Frame wire;
  ASSERT_TRUE(wire.ParseFromString(bytes_of(sample_frame())));
  wire.mutable_series(0)->add_columns()->set_field(1'000);
  EXPECT_TRUE(decode_frame(wire.SerializeAsString(), "vm-1.example"));
}

TEST(ValidHost, TakesLettersDigitsDashUnderscoreAndDot) {
  EXPECT_TRUE(valid_host("vm-1_a.Example.9"));
  EXPECT_TRUE(valid_host(std::string(253, 'a')));
}

TEST(ValidHost, RefusesWhatATopicOrATagWouldMisread) {
  for (const std::string_view host : {"", "a b", "a/b", "a+", "#", "a,b", "a=b", "a\nb", "\xc3\xa9"}) {
    EXPECT_FALSE(valid_host(host)) << host;
  }
  EXPECT_FALSE(valid_host(std::string(254, 'a')));
  EXPECT_FALSE(valid_host(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace kpulse
