// The bytes of a frame on the wire are committed: whoever changes them breaks agents and bridges in the field.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "codec/frame_codec.h"
#include "sample_frame.h"

namespace kpulse {
namespace {

std::string golden(const char* name) {
  std::ifstream file(std::string(KPULSE_GOLDEN_DIR "/wire/") + name);
  std::string bytes;
  for (std::string pair; file >> pair;) bytes.push_back(static_cast<char>(std::stoi(pair, nullptr, 16)));
  return bytes;
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::array<char, 4> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned>(static_cast<unsigned char>(bytes[i])));
    text.append(digits.data()).push_back(i % 32 == 31 || i + 1 == bytes.size() ? '\n' : ' ');
  }
  return text;
}

TEST(WireGolden, AFrameEncodesToTheCommittedBytes) {
  std::string bytes;
  encode(test::sample_frame(), bytes);
  EXPECT_EQ(hex(bytes), hex(golden("frame.hex")));
}

TEST(WireGolden, TheCommittedBytesDecodeToTheFrame) {
  const auto frame = decode_frame(golden("frame.hex"), "vm-1.example");
  ASSERT_TRUE(frame) << frame.error().detail;
  EXPECT_EQ(*frame, test::sample_frame());
}

TEST(WireGolden, SeriesSideBySideEncodeToTheCommittedBytesAndBack) {
  std::string bytes;
  encode(test::sample_crowd(), bytes);
  EXPECT_EQ(hex(bytes), hex(golden("crowd.hex")));
  const auto frame = decode_frame(golden("crowd.hex"), "vm-1.example");
  ASSERT_TRUE(frame) << frame.error().detail;
  EXPECT_EQ(*frame, test::sample_crowd());
}

TEST(WireGolden, EventsEncodeToTheCommittedBytesAndBack) {
  std::string bytes;
  encode(test::sample_events(), bytes);
  EXPECT_EQ(hex(bytes), hex(golden("events.hex")));
  const auto frame = decode_frame(golden("events.hex"), "vm-1.example");
  ASSERT_TRUE(frame) << frame.error().detail;
  EXPECT_EQ(*frame, test::sample_events());
}

}  // namespace
}  // namespace kpulse
