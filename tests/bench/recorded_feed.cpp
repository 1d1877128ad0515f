#include "bench/recorded_feed.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "base/clock.h"
#include "influx/line.h"
#include "probes/sched/assembler.h"
#include "probes/sched/recording.h"
#include "probes/task_table.h"

namespace kpulse::bench {
namespace {

constexpr std::size_t kRecordedCpus = 2;
constexpr std::uint64_t kWindowNs = 10'000'000;
constexpr std::uint32_t kWholeFrame = 10;
constexpr std::size_t kNoLimit = 1U << 20U;  // lines; a frame of the recording has some dozens

std::vector<Frame> replay(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<Frame> frames;
  probes::SchedAssembler assembler(kRecordedCpus);
  const auto done = probes::recording::replay(file, assembler, [&](const probes::WindowRange& windows) {
    Frame frame{.window_ns = kWindowNs, .first_window = windows.first, .windows = windows.count};
    probes::TaskTable tasks(frame.tasks);
    assembler.collect(windows, tasks, frame.series);
    if (windows.count == kWholeFrame) frames.push_back(std::move(frame));
  });
  if (!done) throw std::runtime_error(path + ": " + done.error().message);
  if (frames.empty()) throw std::runtime_error(path + ": holds no whole frame");
  return frames;
}

std::map<std::string, std::uint64_t> count_lines(const Frame& frame) {
  influx::LineRenderer renderer;
  influx::LineBuffer buffer;
  renderer.render(frame, buffer, kNoLimit, [&]() -> influx::LineBuffer& { return buffer; });
  std::map<std::string, std::uint64_t> counts;
  for (std::string_view left = buffer.view(); !left.empty(); left.remove_prefix(left.find('\n') + 1)) {
    ++counts[std::string(left.substr(0, left.find(',')))];
  }
  return counts;
}

std::uint64_t sum_of(const std::map<std::string, std::uint64_t>& counts) {
  std::uint64_t sum = 0;
  for (const auto& [measurement, count] : counts) sum += count;
  return sum;
}

}  // namespace

RecordedFeed::RecordedFeed(const std::string& recording, FeedOptions options)
    : options_(std::move(options)), recorded_(replay(recording)) {
  for (Frame& frame : recorded_) {
    frame.host = options_.prefix;
    frame.stream = options_.stream;
    lines_of_.push_back(count_lines(frame));
  }
  if (options_.lines > 0) set_frames();
  if (options_.first_window == 0) set_first_window();
}

std::size_t RecordedFeed::which(std::uint64_t index) const noexcept {
  return static_cast<std::size_t>(index / options_.hosts % recorded_.size());
}

void RecordedFeed::set_frames() {
  options_.frames = 0;
  for (std::uint64_t lines = 0; lines < options_.lines; ++options_.frames) {
    lines += sum_of(lines_of_[which(options_.frames)]);
  }
}

void RecordedFeed::set_first_window() {
  const std::uint64_t of_a_host = (options_.frames / options_.hosts + 1) * kWholeFrame;
  options_.first_window = (wall_ns() / kWindowNs - of_a_host) / kWholeFrame * kWholeFrame;
}

const Frame& RecordedFeed::frame(std::uint64_t index) {
  Frame& frame = recorded_[which(index)];
  const std::uint64_t turn = index / options_.hosts;
  frame.host = options_.prefix + "-" + std::to_string(index % options_.hosts);
  frame.sequence = turn + 1;
  frame.first_window = options_.first_window + turn * kWholeFrame;
  return frame;
}

std::map<std::string, std::uint64_t> RecordedFeed::lines() const {
  std::map<std::string, std::uint64_t> sum;
  for (std::uint64_t index = 0; index < options_.frames; ++index) {
    for (const auto& [measurement, count] : lines_of_[which(index)]) sum[measurement] += count;
  }
  return sum;
}

}  // namespace kpulse::bench
