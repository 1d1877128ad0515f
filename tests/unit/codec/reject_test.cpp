// Every way a frame can lie, made by changing one thing of a good frame's protobuf message.
#include <gtest/gtest.h>
#include <kpulse/v1/frame.pb.h>

#include <cmath>
#include <functional>
#include <limits>

#include "abi/histogram.h"
#include "codec/column_codec.h"
#include "codec/frame_codec.h"
#include "model/catalog.h"
#include "model/ids.h"
#include "sample_frame.h"

namespace kpulse {
namespace {

constexpr std::string_view kHost = "vm-1.example";

std::string good_bytes() {
  std::string bytes;
  encode(test::sample_frame(), bytes);
  return bytes;
}

/// What the codec says to a good frame after `change`; "accepted" when it took it.
std::string verdict_after(const std::function<void(v1::Frame&)>& change, std::string_view topic_host = kHost) {
  v1::Frame wire;
  if (!wire.ParseFromString(good_bytes())) return "test is broken";
  change(wire);
  const auto decoded = decode_frame(wire.SerializeAsString(), topic_host);
  return decoded ? "accepted" : std::string(to_string(decoded.error().reason));
}

v1::Column& busy(v1::Frame& wire) {
  return *wire.mutable_series(0)->mutable_columns(0);
}
v1::Column& victim(v1::Frame& wire) {
  return *wire.mutable_series(0)->mutable_columns(1);
}
v1::Column& histogram(v1::Frame& wire) {
  return *wire.mutable_series(1)->mutable_columns(0);
}

TEST(FrameCodec, AcceptsTheFrameTheOtherTestsSpoil) {
  EXPECT_EQ(verdict_after([](v1::Frame&) {}), "accepted");
}

TEST(FrameCodec, RejectsValuesOfAFieldThatIsSaidNotToBeMeasured) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_series(0)->add_unmeasured(ids::sched::kBusy); }),
            "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_series(0)->add_unmeasured(ids::sched::kForks); }),
            "accepted");
}

/// The same of a frame with series side by side: 0 is two cgroups, 2 two disks.
std::string verdict_on_crowd(const std::function<void(v1::Frame&)>& change) {
  std::string bytes;
  encode(test::sample_crowd(), bytes);
  v1::Frame wire;
  if (!wire.ParseFromString(bytes)) return "test is broken";
  change(wire);
  const auto decoded = decode_frame(wire.SerializeAsString(), kHost);
  return decoded ? "accepted" : std::string(to_string(decoded.error().reason));
}

TEST(FrameCodec, RejectsSeriesSideBySideThatCannotBe) {
  EXPECT_EQ(verdict_on_crowd([](v1::Frame&) {}), "accepted");
  for (const std::uint32_t count : {0U, 1U, 3U, kMaxSideBySide + 1, ~0U}) {
    EXPECT_EQ(verdict_on_crowd([=](v1::Frame& wire) { wire.mutable_series(0)->set_side_by_side(count); }), "counts");
  }
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) { wire.mutable_series(0)->add_tag_texts(0); }), "counts");
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) { wire.mutable_series(0)->set_tag_texts(0, 99); }), "counts");
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) { wire.mutable_series(0)->add_tags("/a"); }), "counts");
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) { wire.mutable_series(0)->mutable_columns(0)->add_values(1); }),
            "counts");
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) { wire.mutable_series(2)->add_absent(0); }), "counts");
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) { wire.set_texts(0, ""); }), "counts");
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) { wire.clear_texts(); }), "counts");
}

TEST(FrameCodec, RejectsHistogramsSideBySideThatCannotBe) {
  const auto verdict = [](const std::function<void(v1::Column&)>& change) {
    return verdict_on_crowd([&](v1::Frame& wire) { change(*wire.mutable_series(4)->mutable_columns(0)); });
  };
  EXPECT_EQ(verdict([](v1::Column& wire) { wire.set_buckets(0, 1); }), "counts");
  EXPECT_EQ(verdict([](v1::Column& wire) { wire.set_buckets(0, ~0U); }), "counts");
  EXPECT_EQ(verdict([](v1::Column& wire) { wire.add_buckets(0); }), "counts");
  EXPECT_EQ(verdict([](v1::Column& wire) { wire.clear_buckets(); }), "counts");
  EXPECT_EQ(verdict([](v1::Column& wire) { wire.add_sums(1); }), "counts");
  EXPECT_EQ(verdict([](v1::Column& wire) { wire.clear_sums(); }), "counts");
  EXPECT_EQ(verdict([](v1::Column& wire) { wire.set_gaps(0, KP_HIST_BUCKETS); }), "counts");
  EXPECT_EQ(verdict([](v1::Column& wire) { wire.set_values(2, 0); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { histogram(wire).add_sums(1); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { histogram(wire).add_buckets(3); }), "counts");
}

TEST(FrameCodec, RejectsHistogramsEventsAndTheUntaggedSideBySide) {
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) { wire.mutable_series(0)->set_measurement(ids::kCgroupWait); }),
            "counts");
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) { wire.mutable_series(0)->set_measurement(ids::kOom); }), "counts");
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) {
              wire.mutable_series(0)->set_measurement(ids::kMemory);
              wire.mutable_series(0)->clear_tag_texts();
            }),
            "counts");
}

TEST(FrameCodec, RejectsRealsInTwoWays) {
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) { wire.mutable_series(2)->mutable_columns(1)->add_reals(1); }),
            "counts");
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) {
              v1::Column& depth = *wire.mutable_series(2)->mutable_columns(1);
              depth.mutable_window_parts()->Truncate(2);
              depth.add_reals(1);
              depth.add_reals(1);
            }),
            "counts");
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) { wire.mutable_series(0)->mutable_columns(0)->add_window_parts(1); }),
            "counts");
}

TEST(FrameCodec, RejectsMoreSeriesThanAFrameMayHave) {
  EXPECT_EQ(verdict_on_crowd([](v1::Frame& wire) {
              v1::Series many;
              many.set_measurement(ids::kCgroupSched);
              many.set_side_by_side(kMaxSideBySide);
              for (std::uint32_t series = 0; series < kMaxSideBySide; ++series) many.add_tag_texts(0);
              for (std::size_t message = 0; message < kMaxSeries / kMaxSideBySide; ++message) *wire.add_series() = many;
            }),
            "counts");
}

TEST(FrameCodec, RejectsAFrameCutAnywhere) {
  const std::string bytes = good_bytes();
  std::size_t malformed = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = decode_frame(std::string_view(bytes).substr(0, size), kHost);
    if (!decoded && decoded.error().reason == Reject::malformed) ++malformed;
    // A cut between two fields parses; it then lacks its version, its host or whole series, but never crashes.
  }
  EXPECT_GT(malformed, bytes.size() * 3 / 4);
}

TEST(FrameCodec, RejectsAMessageOfMoreThanAMebibyteBeforeParsingIt) {
  const std::string junk(kMaxMessageBytes + 1, '\xff');
  const auto decoded = decode_frame(junk, kHost);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().reason, Reject::oversized);
  const auto at_the_limit = decode_frame(std::string_view(junk).substr(1), kHost);
  ASSERT_FALSE(at_the_limit);
  EXPECT_EQ(at_the_limit.error().reason, Reject::malformed);
}

TEST(FrameCodec, RejectsAnotherVersion) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.set_version(2); }), "version");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.clear_version(); }), "version");
}

TEST(FrameCodec, RejectsAFrameWhoseHostDiffersFromItsTopic) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.set_host("vm-2"); }), "host_mismatch");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.set_host("a,b"); }, "a,b"), "host_mismatch");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.set_host(""); }, ""), "host_mismatch");
}

TEST(FrameCodec, RejectsWindowsThatCannotBe) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.set_windows(0); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.set_windows(kMaxWindows + 1); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.set_window_ns(0); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.set_window_ns(999'999); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.set_window_ns(1'000'000'001); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.set_sequence(0); }), "counts");
}

TEST(FrameCodec, RejectsWindowsWhoseTimeDoesNotFit) {
  const std::uint64_t last = std::numeric_limits<std::int64_t>::max() / 10'000'000ULL;
  EXPECT_EQ(verdict_after([&](v1::Frame& wire) { wire.set_first_window(last - 3); }), "accepted");
  EXPECT_EQ(verdict_after([&](v1::Frame& wire) { wire.set_first_window(last - 2); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.set_first_window(~0ULL); }), "counts");
}

TEST(FrameCodec, RejectsColumnsThatDoNotHaveOneValuePerRow) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { busy(wire).add_values(1); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { busy(wire).mutable_values()->RemoveLast(); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { busy(wire).clear_values(); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { busy(wire).add_reals(1); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { busy(wire).add_gaps(1); }), "counts");
}

TEST(FrameCodec, RejectsAColumnThatComesTwiceOrIsDerived) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { victim(wire).set_field(busy(wire).field()); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { busy(wire).set_field(ids::sched::kBusyRatio); }), "counts");
}

TEST(FrameCodec, RejectsATaskThatIsNotInTheTable) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { victim(wire).set_values(0, 2); }), "accepted");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { victim(wire).set_values(0, 3); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { victim(wire).set_values(0, ~0ULL); }), "counts");
}

TEST(FrameCodec, RejectsACommOfMoreThanFifteenBytes) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_tasks(0)->set_comm("123456789012345"); }), "accepted");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_tasks(0)->set_comm("1234567890123456"); }), "counts");
}

TEST(FrameCodec, RejectsTagsThatAreNotTheMeasurements) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_series(0)->add_tags("1"); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_series(0)->clear_tags(); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_series(0)->set_tags(0, ""); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_series(0)->set_tags(0, std::string(256, 'x')); }),
            "counts");
}

TEST(FrameCodec, RejectsAbsentRowsOutOfRangeOrOrder) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_series(0)->add_absent(2); }), "accepted");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_series(0)->add_absent(3); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_series(0)->add_absent(1); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_series(0)->add_absent(0); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_series(1)->add_absent(0); }), "counts");
}

TEST(FrameCodec, RejectsHistogramsThatContradictThemselves) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { histogram(wire).add_gaps(1); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { histogram(wire).add_values(1); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { histogram(wire).set_values(1, 0); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { histogram(wire).set_values(1, ~0ULL); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { histogram(wire).set_gaps(1, 0); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { histogram(wire).add_reals(1); }), "counts");
}

TEST(FrameCodec, RejectsBucketsPastTheHistogram) {
  const std::uint32_t to_last = KP_HIST_BUCKETS - 1 - 5;
  EXPECT_EQ(verdict_after([&](v1::Frame& wire) { histogram(wire).set_gaps(2, to_last); }), "accepted");
  EXPECT_EQ(verdict_after([&](v1::Frame& wire) { histogram(wire).set_gaps(2, to_last + 1); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { histogram(wire).set_gaps(0, ~0U); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { histogram(wire).set_gaps(2, ~0U - 4); }), "counts")
      << "wraps to 0 in 32 bits";
}

TEST(FrameCodec, RejectsAFrameThatStandsForMoreRowsThanTheLimit) {
  const auto empty_series = [](std::size_t how_many) {
    return [how_many](v1::Frame& wire) {
      wire.set_windows(kMaxWindows);
      wire.clear_series();
      for (std::size_t i = 0; i < how_many; ++i) {
        wire.add_series()->set_measurement(ids::kSched);
        wire.mutable_series(static_cast<int>(i))->add_tags("0");
      }
    };
  };
  EXPECT_EQ(verdict_after(empty_series(kMaxRows / kMaxWindows)), "accepted");
  EXPECT_EQ(verdict_after(empty_series(kMaxRows / kMaxWindows + 1)), "counts");
}

TEST(ColumnCodec, RejectsRealsThatAreNotFiniteOrNotOnePerRow) {
  const Field field{.id = 1, .name = "load", .kind = Kind::real, .unit = Unit::none, .help = {}, .source = {}};
  const auto mistake = [&field](std::vector<double> reals) {
    v1::Column wire;
    encode_column({.field = 1, .values = {}, .reals = std::move(reals), .buckets = {}}, false, wire);
    RawColumn raw;
    if (!raw.read(wire.SerializeAsString())) return true;
    Column column;
    return decode_column(field, {.rows = 2, .tasks = 0}, raw, column) != nullptr;
  };
  EXPECT_FALSE(mistake({0.5, -1e300}));
  EXPECT_TRUE(mistake({0.5, std::numeric_limits<double>::quiet_NaN()}));
  EXPECT_TRUE(mistake({std::numeric_limits<double>::infinity(), 1}));
  EXPECT_TRUE(mistake({-std::numeric_limits<double>::infinity(), 1}));
  EXPECT_TRUE(mistake({0.5}));
  EXPECT_TRUE(mistake({0.5, 1, 2}));
}

TEST(ColumnCodec, RealsSurviveARoundTrip) {
  const Field field{.id = 7, .name = "load", .kind = Kind::real, .unit = Unit::none, .help = {}, .source = {}};
  const Column column{.field = 7, .values = {}, .reals = {0.1, -2.5}, .buckets = {}};
  v1::Column wire;
  encode_column(column, false, wire);
  RawColumn raw;
  ASSERT_TRUE(raw.read(wire.SerializeAsString()));
  Column decoded;
  ASSERT_EQ(decode_column(field, {.rows = 2, .tasks = 0}, raw, decoded), nullptr);
  EXPECT_EQ(decoded, column);
}

TEST(FrameCodec, DetailsHoldNoInput) {
  v1::Frame wire;
  ASSERT_TRUE(wire.ParseFromString(good_bytes()));
  wire.set_host("evil\nhost");
  const auto decoded = decode_frame(wire.SerializeAsString(), kHost);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().detail.find("evil"), std::string::npos);
}

/// Verdict on a good frame of events after `change` to its only series.
std::string verdict_on_events_after(const std::function<void(v1::Series&)>& change) {
  std::string bytes;
  encode(test::sample_events(), bytes);
  v1::Frame wire;
  if (!wire.ParseFromString(bytes)) return "test is broken";
  change(*wire.mutable_series(0));
  const auto decoded = decode_frame(wire.SerializeAsString(), kHost);
  return decoded ? "accepted" : std::string(to_string(decoded.error().reason));
}

TEST(FrameCodec, RejectsEventsWhoseTimesDoNotFitTheirValues) {
  EXPECT_EQ(verdict_on_events_after([](v1::Series&) {}), "accepted");
  EXPECT_EQ(verdict_on_events_after([](v1::Series& series) { series.clear_times(); }), "counts");
  EXPECT_EQ(verdict_on_events_after([](v1::Series& series) { series.add_times(1); }), "counts");
  EXPECT_EQ(verdict_on_events_after([](v1::Series& series) { series.set_times(0, ~0ULL); }), "counts");
  EXPECT_EQ(verdict_on_events_after([](v1::Series& series) { series.add_absent(0); }), "counts");
}

TEST(FrameCodec, RejectsTimesOfRowsThatAreNoEvents) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.mutable_series(0)->add_times(1); }), "counts");
}

TEST(FrameCodec, RejectsIntervalsAndEventsInALateFrame) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.set_late(true); }), "counts");
  EXPECT_EQ(verdict_after([](v1::Frame& wire) {
              wire.set_late(true);
              wire.mutable_series()->DeleteSubrange(1, wire.series_size() - 1);
            }),
            "accepted");
  std::string bytes;
  Frame events = test::sample_events();
  events.late = true;
  encode(events, bytes);
  EXPECT_FALSE(decode_frame(bytes, events.host));
}

TEST(FrameCodec, RejectsValuesOfWindowsInAFrameWithoutWindows) {
  EXPECT_EQ(verdict_after([](v1::Frame& wire) { wire.set_windows(0); }), "counts");
}

}  // namespace
}  // namespace kpulse
