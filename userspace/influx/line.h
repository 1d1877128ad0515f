// Frames to InfluxDB line protocol, driven by the catalogue. Pure: no clock, no socket.
//
//   kpulse_sched,cpu=0,host=vm1 busy_ns=..i,idle_ns=..i,busy_ratio=0.5,...,victim_pid=7i,victim_comm="sh",... <ns>
//   kpulse_sched_wait,cpu=0,host=vm1 count=..i,sum_ns=..i,max_ns=..i,p50_ns=..i,p90_ns=..i,p99_ns=..i,p999_ns=..i <ns>
//   kpulse_sched_wait_le,host=vm1,le=4096 count=..i <ns>
//
// Rows of windows carry the time the window began, rows of intervals the time the frame's first window began. A
// measurement's field set is constant: what has no column reads 0. Shares have six decimals. Rows that were lost are
// left out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

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
  /// What a field is worth in one row of the series at hand.
  struct Step {
    const FieldPlan* plan;
    const Column* column;  ///< nullptr: 0 in every row; share: its part
    const Column* rest;    ///< share only
  };
  struct TaskText {
    Piece pid, comm, cgroup;
  };

  void prepare_tasks(const Frame& frame);
  void prepare_prefix(const MeasurementPlan& plan, const Frame& frame, const Series& series);
  void prepare_steps(const MeasurementPlan& plan, const Series& series);
  void add_octaves(const MeasurementPlan& plan, const Frame& frame, const Series& series, const Column& column);
  void write_rows(const MeasurementPlan& plan, const Frame& frame, const Series& series);
  void write_histogram(const MeasurementPlan& plan, const Frame& frame, const Series& series);
  void write_octaves(const Frame& frame);
  void write_field(const Step& step, std::size_t row) noexcept;
  void write_task(const FieldPlan& plan, std::uint64_t reference) noexcept;
  void end_line(std::uint64_t time_ns);

  std::vector<MeasurementPlan> plans_;  ///< by measurement id
  std::vector<TaskText> tasks_;
  std::size_t task_room_ = 0;  ///< most bytes a task field of this frame needs
  std::vector<Step> steps_;
  Piece prefix_;  ///< measurement and tags of the series at hand
  std::string text_;
  std::string le_head_, le_tail_;
  OctaveTable octaves_;
  LineBuffer* out_ = nullptr;
  std::size_t max_lines_ = 0;
  const Full* full_ = nullptr;
};

}  // namespace kpulse::influx
