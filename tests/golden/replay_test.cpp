// The whole pure path without a kernel: recorded bytes of the kernel's side -> windows -> frame -> wire -> frame ->
// line protocol, compared byte by byte. A recording is made with `kpulse-agent --record FILE`; KPULSE_UPDATE_GOLDEN=1
// writes the expected lines anew, to be read before they are committed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>

#include "codec/frame_codec.h"
#include "influx/line.h"
#include "probes/sched/assembler.h"
#include "probes/sched/recording.h"
#include "probes/task_table.h"

namespace kpulse {
namespace {

constexpr std::size_t kRecordedCpus = 2;
constexpr std::uint64_t kRecordedWindowNs = 10'000'000;

std::string golden(const std::string& name) {
  return std::string(KPULSE_GOLDEN_DIR) + "/sched/" + name;
}

/// Series are in no order on the wire.
void sort_series(Frame& frame) {
  std::ranges::sort(frame.series, {}, [](const Series& series) { return std::tie(series.measurement, series.tags); });
}

/// Frame -> wire -> frame -> lines.
std::string lines_of(Frame sent) {
  std::string wire;
  encode(sent, wire);
  auto received = decode_frame(wire, sent.host);
  EXPECT_TRUE(received) << (received ? "" : received.error().detail);
  if (!received) return {};
  sort_series(*received);
  sort_series(sent);
  EXPECT_EQ(*received, sent);
  influx::LineBuffer buffer;
  influx::LineRenderer renderer;
  renderer.render(*received, buffer, 1'000'000, [&]() -> influx::LineBuffer& {
    ADD_FAILURE() << "more lines than the recording can hold";
    return buffer;
  });
  return std::string(buffer.view());
}

std::string replay(std::istream& recording) {
  probes::SchedAssembler assembler(kRecordedCpus);
  std::string lines;
  std::uint64_t sequence = 0;
  const auto done = probes::recording::replay(recording, assembler, [&](const probes::WindowRange& windows) {
    Frame frame{.host = "replay",
                .stream = 1,
                .sequence = ++sequence,
                .window_ns = kRecordedWindowNs,
                .first_window = windows.first,
                .windows = windows.count};
    probes::TaskTable tasks(frame.tasks);
    assembler.collect(windows, tasks, frame.series);
    lines += lines_of(std::move(frame));
  });
  EXPECT_TRUE(done) << (done ? "" : done.error().message);
  return lines;
}

TEST(Replay, RecordedRingBufferBytesBecomeTheExpectedLines) {
  std::ifstream recording(golden("load.kprec"), std::ios::binary);
  ASSERT_TRUE(recording) << "no recording";
  const std::string lines = replay(recording);
  if (std::getenv("KPULSE_UPDATE_GOLDEN") != nullptr) std::ofstream(golden("load.lines")) << lines;
  std::ifstream file(golden("load.lines"));
  std::stringstream expected;
  expected << file.rdbuf();
  ASSERT_GT(lines.size(), 1'000U);
  EXPECT_EQ(lines, expected.str());
}

TEST(Replay, ATruncatedRecordingIsAnError) {
  std::ifstream recording(golden("load.kprec"), std::ios::binary);
  std::stringstream bytes;
  bytes << recording.rdbuf();
  std::istringstream cut(bytes.str().substr(0, bytes.str().size() / 2));
  probes::SchedAssembler assembler(kRecordedCpus);
  EXPECT_FALSE(probes::recording::replay(cut, assembler, [](const auto&) {}));
}

}  // namespace
}  // namespace kpulse
