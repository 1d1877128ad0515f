// The codec's own reader against the generated parser: whatever it takes, protobuf takes too and reads the same.
#include "codec/wire_reader.h"

#include <gtest/gtest.h>
#include <kpulse/v1/frame.pb.h>

#include <random>

#include "codec/frame_codec.h"
#include "sample_frame.h"

namespace kpulse {
namespace {

constexpr std::string_view kHost = "vm-1.example";

std::string good_bytes() {
  std::string bytes;
  encode(test::sample_frame(), bytes);
  return bytes;
}

std::string mutated(std::string bytes, std::minstd_rand& random) {
  const auto changes = 1 + random() % 3;
  for (std::uint32_t i = 0; i < changes; ++i) {
    const std::size_t at = random() % bytes.size();
    switch (random() % 4) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
        break;
      case 2:
        bytes.erase(at, 1 + random() % 4);
        break;
      default:
        bytes.insert(at, 1 + random() % 3, static_cast<char>(random()));
        break;
    }
    if (bytes.empty()) bytes = "x";
  }
  return bytes;
}

TEST(WireReader, AgreesWithTheGeneratedParserOnSpoiltFrames) {
  std::minstd_rand random(3);
  const std::string good = good_bytes();
  std::size_t accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    const std::string bytes = mutated(good, random);
    const auto frame = decode_frame(bytes, kHost);
    if (!frame) continue;
    ++accepted;
    v1::Frame wire;
    ASSERT_TRUE(wire.ParseFromString(bytes)) << "round " << round;
    std::string again;
    encode(*frame, again);
    const auto from_clean = decode_frame(again, kHost);
    ASSERT_TRUE(from_clean) << "round " << round;
    ASSERT_EQ(*from_clean, *frame) << "round " << round;
    ASSERT_EQ(wire.stream(), frame->stream);
    ASSERT_EQ(wire.sequence(), frame->sequence);
    ASSERT_EQ(wire.window_ns(), frame->window_ns);
    ASSERT_EQ(wire.first_window(), frame->first_window);
    ASSERT_EQ(wire.windows(), frame->windows);
    ASSERT_EQ(static_cast<std::size_t>(wire.tasks_size()), frame->tasks.size());
    for (std::size_t i = 0; i < frame->tasks.size(); ++i) {
      const v1::Task& task = wire.tasks(static_cast<int>(i));
      ASSERT_EQ(frame->tasks[i],
                (Task{.pid = task.pid(), .tgid = task.tgid(), .comm = task.comm(), .cgroup = task.cgroup()}));
    }
  }
  EXPECT_GT(accepted, 1'000U) << "the test would prove nothing";
}

TEST(WireReader, TakesFieldsInAnyOrderAndNumbersThatAreNotPacked) {
  v1::Frame wire;
  ASSERT_TRUE(wire.ParseFromString(good_bytes()));
  v1::Frame tail = wire;
  tail.clear_series();
  tail.clear_tasks();
  wire.clear_version();
  wire.clear_host();
  wire.clear_windows();
  const auto reordered = decode_frame(wire.SerializeAsString() + tail.SerializeAsString(), kHost);
  ASSERT_TRUE(reordered) << reordered.error().detail;
  EXPECT_EQ(*reordered, test::sample_frame());
  WireReader single(std::string_view("\x10\x05\x10\x96\x01", 5));
  std::vector<std::uint64_t> numbers;
  while (single.next()) EXPECT_TRUE(single.append_numbers(numbers));
  EXPECT_TRUE(single.ok());
  EXPECT_EQ(numbers, (std::vector<std::uint64_t>{5, 150}));
}

TEST(WireReader, RefusesWhatIsCutOffOrCannotBe) {
  const auto reads = [](std::string_view bytes) {
    WireReader wire(bytes);
    while (wire.next()) {
    }
    return wire.ok();
  };
  EXPECT_TRUE(reads(""));
  EXPECT_TRUE(reads("\x08\x01"));
  EXPECT_FALSE(reads("\x08"));
  EXPECT_FALSE(reads("\x08\x80"));
  EXPECT_FALSE(reads(std::string_view("\x00\x01", 2))) << "field 0";
  EXPECT_FALSE(
      reads("\x0a\x05"
            "abc"))
      << "shorter than it says";
  EXPECT_FALSE(
      reads("\x09"
            "1234567"))
      << "7 of 8 bytes";
  EXPECT_FALSE(
      reads("\x0d"
            "123"))
      << "3 of 4 bytes";
  EXPECT_FALSE(reads("\x0b\x0c")) << "group";
  EXPECT_FALSE(reads("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")) << "11 bytes of varint";
}

}  // namespace
}  // namespace kpulse
