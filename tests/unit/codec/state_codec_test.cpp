#include <gtest/gtest.h>
#include <kpulse/v1/frame.pb.h>

#include "codec/frame_codec.h"

namespace kpulse {
namespace {

State sample_state() {
  return {.host = "vm1",
          .stream = 7,
          .online = true,
          .window_ns = 10'000'000,
          .publish_ns = 100'000'000,
          .agent_version = "0.1.0",
          .kernel_release = "6.18.0",
          .programs = {{.probe = "sched", .name = "switch_btf", .attached = true, .reason = ""},
                       {.probe = "sched", .name = "wakeup", .attached = false, .reason = "not needed"}}};
}

std::string rejected(const std::function<void(v1::State&)>& change) {
  v1::State wire;
  if (!wire.ParseFromString(encode(sample_state()))) return "test is broken";
  change(wire);
  const auto decoded = decode_state(wire.SerializeAsString(), "vm1");
  return decoded ? "accepted" : std::string(to_string(decoded.error().reason));
}

TEST(StateCodec, EveryFieldSurvivesARoundTrip) {
  const auto decoded = decode_state(encode(sample_state()), "vm1");
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(*decoded, sample_state());
}

TEST(StateCodec, RejectsWhatAFrameIsRejectedFor) {
  EXPECT_EQ(rejected([](v1::State&) {}), "accepted");
  EXPECT_EQ(rejected([](v1::State& wire) { wire.set_version(9); }), "version");
  EXPECT_EQ(rejected([](v1::State& wire) { wire.set_host("vm2"); }), "host_mismatch");
  EXPECT_EQ(rejected([](v1::State& wire) { wire.set_agent_version(std::string(2000, 'x')); }), "counts");
  EXPECT_EQ(rejected([](v1::State& wire) {
              for (int i = 0; i < 2000; ++i) wire.add_programs();
            }),
            "counts");
  EXPECT_EQ(decode_state("\xff", "vm1").error().reason, Reject::malformed);
  EXPECT_EQ(decode_state(std::string(kMaxMessageBytes + 1, 'x'), "vm1").error().reason, Reject::oversized);
}

}  // namespace
}  // namespace kpulse
