// The frame as the programs see it: what the agent fills and the bridge turns into points. No protobuf here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kpulse {

/// A task that a column refers to.
struct Task {
  std::uint32_t pid = 0;  ///< of the thread, initial namespace; 0 is the idle task
  std::uint32_t tgid = 0;
  std::string comm;  ///< any bytes, at most 15: a task names itself
  std::uint64_t cgroup = 0;

  bool operator==(const Task&) const = default;
};

/// One bucket of a histogram; the numbering is that of abi/histogram.h.
struct Bucket {
  std::uint32_t index = 0;
  std::uint64_t count = 0;

  bool operator==(const Bucket&) const = default;
};

/// The values of one field. Which member is used follows from the field's kind in the catalogue.
struct Column {
  std::uint32_t field = 0;
  std::vector<std::uint64_t>
      values;                   ///< integers, one per row; task fields: 0 = none, else index + 1 into Frame::tasks
  std::vector<double> reals;    ///< real fields, one per row
  std::vector<Bucket> buckets;  ///< histogram fields: ascending index, counts > 0
  std::uint64_t sum = 0;        ///< histogram fields: sum of the recorded values

  bool operator==(const Column&) const = default;
};

/// One measurement for one set of tag values: a struct of arrays. A field without a column is 0 in every row, unless it
/// is among the unmeasured ones: those have no value.
struct Series {
  std::uint32_t measurement = 0;
  std::vector<std::string> tags;
  std::vector<std::uint32_t> absent;  ///< windows: rows that were lost, ascending
  std::vector<Column> columns;
  std::vector<std::uint64_t> times;       ///< events: when each row's event was, in ns since 1970
  std::vector<std::uint32_t> unmeasured;  ///< fields that this machine cannot measure

  bool operator==(const Series&) const = default;
};

/// All windows of one publish interval of one host. (host, stream, sequence) names it for ever. A frame of 0 windows
/// carries events that could not wait; it has no rows of intervals, for those of the next frame have the same time. A
/// late frame says again what was not known yet when its windows were published, and nothing but windows.
struct Frame {
  std::string host;
  std::uint64_t stream = 0;
  std::uint64_t sequence = 0;
  std::uint64_t window_ns = 0;
  std::uint64_t first_window = 0;  ///< window n begins n * window_ns after 1970
  std::uint32_t windows = 0;
  bool late = false;  ///< its rows take the place of those before; an absent one leaves them as they are
  std::vector<Task> tasks;
  std::vector<Series> series;

  bool operator==(const Frame&) const = default;
};

/// What a program of a probe is up to: attached, or why not.
struct ProgramStatus {
  std::string probe;
  std::string name;
  bool attached = false;
  std::string reason;

  bool operator==(const ProgramStatus&) const = default;
};

/// The retained message on the state topic.
struct State {
  std::string host;
  std::uint64_t stream = 0;
  bool online = false;
  std::uint64_t window_ns = 0;
  std::uint64_t publish_ns = 0;
  std::string agent_version;
  std::string kernel_release;
  std::vector<ProgramStatus> programs;

  bool operator==(const State&) const = default;
};

}  // namespace kpulse
