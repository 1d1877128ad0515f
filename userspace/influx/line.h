// Frames to InfluxDB line protocol, driven by the catalogue. Pure: no clock, no socket.
//
//   kpulse_sched,cpu=0,host=vm1 busy_ns=..i,idle_ns=..i,busy_ratio=0.5,...,victim_pid=7i,victim_comm="sh",... <ns>
//   kpulse_sched_wait,cpu=0,host=vm1 count=..i,sum_ns=..i,max_ns=..i,p50_ns=..i,p90_ns=..i,p99_ns=..i,p999_ns=..i <ns>
//   kpulse_sched_wait_le,host=vm1,le=4096 count=..i <ns>
//
// Rows of windows carry the time the window began, rows of intervals the time the frame's first window began. A
// measurement's field set is constant: what has no column reads 0, but for what this machine cannot measure at all.
// Shares have six decimals. Rows that were lost are left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "influx/layout.h"
#include "influx/line_buffer.h"
#include "influx/octaves.h"
#include "influx/plan.h"
#include "model/frame.h"

namespace kpulse::influx {

/// Turns frames into lines. Keeps its scratch memory from frame to frame, so one object per thread.
class LineRenderer {
 public:
  LineRenderer();

  /// Takes a full buffer away and returns the one to go on with: another one, or the same one emptied.
  using Full = std::function<LineBuffer&()>;

  /// Appends the lines of a frame that satisfies the codec's checks. `full` is called whenever the buffer holds
  /// `max_lines` lines or kMaxBytes, so a frame of any size needs bounded memory.
  void render(const Frame& frame, LineBuffer& out, std::size_t max_lines, const Full& full);

  static constexpr std::size_t kMaxBytes = 4U << 20U;

 private:
  /// A value of the series at hand.
  struct Step {
    const Slot* slot;
    const Column* column;  ///< share: its part
    const Column* rest;    ///< share only; nullptr: 0 in every row
  };
  struct TaskText {
    ShortText<16> pid;
    ShortText<32> cgroup;
    Piece comm;
  };
  /// ` 1700000000000000000` and the end of the line.
  using TimeText = ShortText<32>;

  void prepare_frame(const Frame& frame);
  void prepare_task(const Task& task, TaskText& text);
  void prepare_prefix(const MeasurementPlan& plan, const Series& series);
  const Layout& prepare_steps(const MeasurementPlan& plan, const Series& series);
  void write_rows(const MeasurementPlan& plan, const Frame& frame, const Series& series);
  void write_row(const Layout& layout, std::size_t row, Pen& pen) const noexcept;
  void write_value(const Step& step, std::size_t row, Pen& pen) const noexcept;
  void write_task(const FieldPlan& plan, std::uint64_t reference, Pen& pen) const noexcept;
  void write_histogram(const MeasurementPlan& plan, const Series& series);
  void add_octaves(const MeasurementPlan& plan, const Series& series, const Column& column);
  void write_octaves();
  void prepare_octaves(const Series& series);
  void put_time(const Measurement& measurement, const Frame& frame, const Series& series, std::size_t row,
                Pen& pen) const noexcept;
  void end_line(const Pen& pen);

  std::vector<MeasurementPlan> plans_;  ///< by measurement id
  std::vector<LayoutCache> layouts_;    ///< by measurement id
  std::string host_;                    ///< of the frame, as a tag value
  std::vector<TimeText> times_;         ///< of the frame's first windows
  std::vector<TaskText> tasks_;
  std::size_t task_room_ = 0;           ///< most bytes a task field of this frame needs
  std::vector<const Column*> columns_;  ///< of the series at hand, by position of the field; nullptr for none
  std::vector<Step> steps_;
  Piece prefix_;  ///< measurement and tags of the series at hand
  std::string text_;
  Piece le_head_, le_tail_;  ///< of the rows by `le` at hand: what stands before and after that tag
  OctaveTable octaves_;
  LineBuffer* out_ = nullptr;
  std::size_t max_lines_ = 0;
  const Full* full_ = nullptr;
};

}  // namespace kpulse::influx
