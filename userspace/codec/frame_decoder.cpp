// Bytes -> frame in one go, every claim checked before memory is spent on it.
#include "codec/frame_decoder.h"

#include <fmt/format.h>
#include <kpulse/v1/frame.pb.h>

#include <algorithm>
#include <limits>
#include <span>

#include "codec/column_codec.h"
#include "codec/message_check.h"
#include "codec/spares.h"
#include "codec/wire_reader.h"
#include "model/catalog.h"
#include "model/rows.h"

namespace kpulse {
namespace {

constexpr std::uint64_t kMinWindowNs = 1'000'000;
constexpr std::uint64_t kMaxWindowNs = 1'000'000'000;
constexpr std::uint64_t kMaxTimeNs = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMaxTagBytes = 255;
constexpr std::size_t kMaxCommBytes = 15;

using Checked = tl::expected<void, Rejection>;

Checked malformed(std::string_view what) {
  return reject(Reject::malformed, fmt::format("{} that does not parse", what));
}

/// What of a frame has to be known before its series can be read: fields may come in any order.
struct Head {
  std::uint32_t version = 0;
  std::string_view host;
  std::vector<std::string_view> tasks;
  std::vector<std::string_view> series;
  std::vector<std::string_view> texts;
};

Checked take_task(std::string_view bytes, Task& task) {
  WireReader wire(bytes);
  task.pid = task.tgid = 0;
  task.cgroup = 0;
  std::string_view comm;
  while (wire.next()) {
    switch (wire.field()) {
      case v1::Task::kPidFieldNumber:
        wire.get(task.pid);
        break;
      case v1::Task::kTgidFieldNumber:
        wire.get(task.tgid);
        break;
      case v1::Task::kCgroupFieldNumber:
        wire.get(task.cgroup);
        break;
      case v1::Task::kCommFieldNumber:
        wire.get(comm);
        break;
      default:
        break;
    }
  }
  if (!wire.ok()) return malformed("task");
  if (comm.size() > kMaxCommBytes) return lying(fmt::format("comm of {} bytes", comm.size()));
  task.comm = comm;
  return {};
}

Checked read_head(std::string_view bytes, Head& head, Frame& frame) {
  WireReader wire(bytes);
  head.version = 0;
  head.host = {};
  head.tasks.clear();
  head.series.clear();
  head.texts.clear();
  frame.stream = frame.sequence = frame.window_ns = frame.first_window = 0;
  frame.windows = 0;
  std::uint32_t late = 0;
  while (wire.next()) {
    switch (wire.field()) {
      case v1::Frame::kVersionFieldNumber:
        wire.get(head.version);
        break;
      case v1::Frame::kHostFieldNumber:
        wire.get(head.host);
        break;
      case v1::Frame::kStreamFieldNumber:
        wire.get_fixed(frame.stream);
        break;
      case v1::Frame::kSequenceFieldNumber:
        wire.get(frame.sequence);
        break;
      case v1::Frame::kWindowNsFieldNumber:
        wire.get(frame.window_ns);
        break;
      case v1::Frame::kFirstWindowFieldNumber:
        wire.get(frame.first_window);
        break;
      case v1::Frame::kWindowsFieldNumber:
        wire.get(frame.windows);
        break;
      case v1::Frame::kTasksFieldNumber:
        wire.append_bytes(head.tasks);
        break;
      case v1::Frame::kSeriesFieldNumber:
        wire.append_bytes(head.series);
        break;
      case v1::Frame::kTextsFieldNumber:
        wire.append_bytes(head.texts);
        break;
      case v1::Frame::kLateFieldNumber:
        wire.get(late);
        break;
      default:
        break;
    }
  }
  frame.late = late != 0;
  return wire.ok() ? Checked{} : malformed("message");
}

Checked check_time(const Frame& frame) {
  if (frame.sequence == 0) return lying("sequence 0");
  if (frame.windows > kMaxWindows) return lying(fmt::format("{} windows", frame.windows));
  if (frame.window_ns < kMinWindowNs || frame.window_ns > kMaxWindowNs) {
    return lying(fmt::format("windows of {} ns", frame.window_ns));
  }
  const std::uint64_t windows_until_end_of_time = kMaxTimeNs / frame.window_ns;
  if (frame.first_window > windows_until_end_of_time - frame.windows) {
    return lying(fmt::format("window {} is out of range", frame.first_window));
  }
  return {};
}

/// A series' own fields, and where its columns lie.
struct RawSeries {
  std::uint32_t measurement = 0;
  std::vector<std::string_view> tags;
  std::vector<std::uint32_t> absent;
  std::vector<std::string_view> columns;
  std::vector<std::uint64_t> times;
  std::vector<std::uint32_t> unmeasured;
  std::vector<std::uint32_t> tag_texts;
  std::uint32_t side_by_side = 0;

  bool read(std::string_view bytes) {
    measurement = 0;
    tags.clear();
    absent.clear();
    columns.clear();
    times.clear();
    unmeasured.clear();
    tag_texts.clear();
    side_by_side = 0;
    WireReader wire(bytes);
    bool whole = true;
    while (whole && wire.next()) {
      switch (wire.field()) {
        case v1::Series::kMeasurementFieldNumber:
          wire.get(measurement);
          break;
        case v1::Series::kTagsFieldNumber:
          wire.append_bytes(tags);
          break;
        case v1::Series::kAbsentFieldNumber:
          whole = wire.append_numbers(absent);
          break;
        case v1::Series::kColumnsFieldNumber:
          wire.append_bytes(columns);
          break;
        case v1::Series::kTimesFieldNumber:
          whole = wire.append_numbers(times);
          break;
        case v1::Series::kUnmeasuredFieldNumber:
          whole = wire.append_numbers(unmeasured);
          break;
        case v1::Series::kTagTextsFieldNumber:
          whole = wire.append_numbers(tag_texts);
          break;
        case v1::Series::kSideBySideFieldNumber:
          wire.get(side_by_side);
          break;
        default:
          break;
      }
    }
    return whole && wire.ok();
  }
};

/// Puts the texts that a series refers to where its tags would be.
Checked look_up_tags(const std::vector<std::string_view>& texts, RawSeries& raw) {
  if (raw.tag_texts.empty()) return {};
  if (!raw.tags.empty()) return lying("tags in two ways");
  for (const std::uint32_t index : raw.tag_texts) {
    if (index >= texts.size()) return lying("a tag that is not in the table");
    raw.tags.push_back(texts[index]);
  }
  return {};
}

/// How many series the message stands for.
tl::expected<std::size_t, Rejection> series_count(const Measurement& measurement, const RawSeries& raw) {
  const std::size_t count = std::max(raw.side_by_side, 1U);
  if (count > 1 && (measurement.tags.empty() || !raw.absent.empty() || measurement.scope == Scope::event)) {
    return lying(fmt::format("{}: series side by side that cannot be", measurement.name));
  }
  if (count > kMaxSideBySide) return lying(fmt::format("{} series side by side", count));
  if (raw.tags.size() != count * measurement.tags.size()) {
    return lying(fmt::format("{}: {} tags of {} series", measurement.name, raw.tags.size(), count));
  }
  return count;
}

Checked take_tags(const Measurement& measurement, std::span<const std::string_view> tags, Series& series) {
  series.tags.resize(tags.size());
  for (std::size_t i = 0; i < tags.size(); ++i) {
    if (tags[i].empty() || tags[i].size() > kMaxTagBytes)
      return lying(fmt::format("{}: tag of {} bytes", measurement.name, tags[i].size()));
    series.tags[i] = tags[i];
  }
  return {};
}

Checked take_absent(const Measurement& measurement, std::size_t rows, const RawSeries& raw, Series& series) {
  if (measurement.scope != Scope::window && !raw.absent.empty()) return lying("absent rows that are no windows");
  std::uint64_t next = 0;
  for (const std::uint32_t row : raw.absent) {
    if (row < next || row >= rows) return lying(fmt::format("{}: absent row {} of {}", measurement.name, row, rows));
    next = std::uint64_t{row} + 1;
  }
  series.absent = raw.absent;
  return {};
}

Checked take_times(const Measurement& measurement, const RawSeries& raw, Series& series) {
  if (measurement.scope != Scope::event && !raw.times.empty()) return lying("times of rows that are no events");
  const auto outside = [](std::uint64_t time) { return time > kMaxTimeNs; };
  if (std::ranges::any_of(raw.times, outside)) return lying(fmt::format("{}: time out of range", measurement.name));
  series.times = raw.times;
  return {};
}

/// The bit that stands for a field of the measurement.
std::uint64_t bit_of(const Measurement& measurement, const Field& field) {
  return std::uint64_t{1} << static_cast<std::size_t>(&field - measurement.fields.data());
}

/// Fields that this build does not know have no value here anyway.
std::uint64_t take_unmeasured(const Measurement& measurement, const RawSeries& raw, Series& series) {
  std::uint64_t seen = 0;
  series.unmeasured.clear();
  for (const std::uint32_t id : raw.unmeasured) {
    const Field* field = find_field(measurement, id);
    if (field == nullptr || (seen & bit_of(measurement, *field)) != 0) continue;
    seen |= bit_of(measurement, *field);
    series.unmeasured.push_back(id);
  }
  return seen;
}

/// Turns the series of frames into the model; keeps its scratch memory.
class SeriesDecoder {
 public:
  Checked take_all(const Head& head, Frame& frame) {
    rows_left_ = kMaxRows;
    used_ = 0;
    for (const std::string_view bytes : head.series) {
      if (Checked checked = take(bytes, head.texts, frame); !checked) return checked;
    }
    spare_series_.trim(frame.series, used_);
    return {};
  }

  [[nodiscard]] const Spares<Series>& spare_series() const noexcept { return spare_series_; }
  [[nodiscard]] const Spares<Column>& spare_columns() const noexcept { return spare_columns_; }

 private:
  Checked take(std::string_view bytes, const std::vector<std::string_view>& texts, Frame& frame) {
    if (!raw_.read(bytes)) return malformed("series");
    const Measurement* measurement = find_measurement(raw_.measurement);
    if (measurement == nullptr) return skip_columns();
    if (Checked checked = look_up_tags(texts, raw_); !checked) return checked;
    if (frame.late && measurement->scope != Scope::window) {
      return lying(fmt::format("{} in a late frame", measurement->name));
    }
    const auto count = series_count(*measurement, raw_);
    if (!count) return tl::unexpected(count.error());
    if (used_ + *count > kMaxSeries) return lying(fmt::format("more than {} series", kMaxSeries));
    const std::size_t first = used_;
    for (std::size_t part = 0; part < *count; ++part) {
      if (Checked checked = take_head(*measurement, part, frame); !checked) return checked;
    }
    const std::size_t rows = row_count(*measurement, frame, frame.series[first]);
    return take_columns(*measurement,
                        {.rows = rows, .tasks = frame.tasks.size(), .window_ns = frame.window_ns, .series = *count},
                        std::span(frame.series).subspan(first, *count));
  }

  /// All of a series but its columns.
  Checked take_head(const Measurement& measurement, std::size_t part, Frame& frame) {
    Series& series = spare_series_.at(frame.series, used_++);
    series.measurement = measurement.id;
    Checked checked = take_times(measurement, raw_, series);
    if (!checked) return checked;
    const std::size_t rows = row_count(measurement, frame, series);
    if (rows > rows_left_) return lying(fmt::format("more than {} rows", kMaxRows));
    rows_left_ -= rows;
    const std::size_t tags = measurement.tags.size();
    checked = take_tags(measurement, std::span(raw_.tags).subspan(part * tags, tags), series);
    return checked ? take_absent(measurement, rows, raw_, series) : checked;
  }

  /// What is left out must be whole all the same.
  Checked skip_columns() {
    const auto whole = [this](std::string_view bytes) { return column_.read(bytes); };
    return std::ranges::all_of(raw_.columns, whole) ? Checked{} : malformed("column");
  }

  Checked take_columns(const Measurement& measurement, const ColumnLimits& limits, std::span<Series> all) {
    std::uint64_t unmeasured = 0;
    for (Series& series : all) unmeasured = take_unmeasured(measurement, raw_, series);
    std::uint64_t seen = 0;
    std::size_t used = 0;
    for (const std::string_view bytes : raw_.columns) {
      if (!column_.read(bytes)) return malformed("column");
      const Field* field = find_field(measurement, column_.field());
      if (field == nullptr) continue;
      const std::uint64_t bit = bit_of(measurement, *field);
      if ((unmeasured & bit) != 0) {
        return lying(fmt::format("{}.{} has values and is not measured", measurement.name, field->name));
      }
      if ((seen & bit) != 0) return lying(fmt::format("{}.{} twice", measurement.name, field->name));
      seen |= bit;
      for (std::size_t part = 0; part < all.size(); ++part) {
        const char* mistake = decode_column(*field, limits, column_, next_column(all[part], used), part);
        if (mistake != nullptr) return lying(fmt::format("{}.{}: {}", measurement.name, field->name, mistake));
      }
      ++used;
    }
    for (Series& series : all) spare_columns_.trim(series.columns, used);
    return {};
  }

  Column& next_column(Series& series, std::size_t index) {
    Column& column = spare_columns_.at(series.columns, index);
    drop_when_large(column.values, FrameDecoder::kKeptRows);
    drop_when_large(column.reals, FrameDecoder::kKeptRows);
    drop_when_large(column.buckets, FrameDecoder::kKeptRows);
    return column;
  }

  static constexpr std::size_t kSpareSeries = 64, kSpareColumns = 256;

  RawSeries raw_;
  RawColumn column_;
  Spares<Series> spare_series_{kSpareSeries};
  Spares<Column> spare_columns_{kSpareColumns};
  std::size_t used_ = 0;
  std::size_t rows_left_ = kMaxRows;
};

std::size_t memory_of(const Column& column) noexcept {
  return sizeof(Column) + column.values.capacity() * sizeof(std::uint64_t) + column.reals.capacity() * sizeof(double) +
         column.buckets.capacity() * sizeof(Bucket);
}

std::size_t memory_of(const Series& series) noexcept {
  std::size_t bytes = sizeof(Series) + series.absent.capacity() * sizeof(std::uint32_t) +
                      series.times.capacity() * sizeof(std::uint64_t) +
                      series.unmeasured.capacity() * sizeof(std::uint32_t);
  for (const Column& column : series.columns) bytes += memory_of(column);
  return bytes;
}

template <class T>
std::size_t memory_of_all(const std::vector<T>& all) noexcept {
  std::size_t bytes = 0;
  for (const T& one : all) bytes += memory_of(one);
  return bytes;
}

}  // namespace

struct FrameDecoder::State {
  Frame frame;
  Head head;
  SeriesDecoder series;
  std::size_t bytes = 0;  ///< of the last message

  Checked decode(std::string_view message, std::string_view topic_host);
};

Checked FrameDecoder::State::decode(std::string_view message, std::string_view topic_host) {
  Checked checked = check_size(message);
  if (!checked) return checked;
  bytes = message.size();
  checked = read_head(message, head, frame);
  if (checked) checked = check_head(head.version, head.host, topic_host);
  if (checked) checked = check_time(frame);
  if (!checked) return checked;
  frame.host = head.host;
  frame.tasks.resize(head.tasks.size());
  for (std::size_t i = 0; i < head.tasks.size(); ++i) {
    checked = take_task(head.tasks[i], frame.tasks[i]);
    if (!checked) return checked;
  }
  return series.take_all(head, frame);
}

FrameDecoder::FrameDecoder() = default;
FrameDecoder::~FrameDecoder() = default;

tl::expected<Frame*, Rejection> FrameDecoder::decode(std::string_view bytes, std::string_view topic_host) {
  if (!state_ || state_->bytes > kKeptBytes) state_ = std::make_unique<State>();
  if (auto checked = state_->decode(bytes, topic_host); !checked) return tl::unexpected(std::move(checked.error()));
  return &state_->frame;
}

std::size_t FrameDecoder::memory() const noexcept {
  if (!state_) return 0;
  const State& state = *state_;
  return sizeof(State) + state.frame.tasks.capacity() * sizeof(Task) + memory_of_all(state.frame.series) +
         memory_of_all(state.series.spare_series().left_over()) +
         memory_of_all(state.series.spare_columns().left_over());
}

tl::expected<Frame, Rejection> decode_frame(std::string_view bytes, std::string_view topic_host) {
  FrameDecoder decoder;
  auto frame = decoder.decode(bytes, topic_host);
  if (!frame) return tl::unexpected(std::move(frame.error()));
  return std::move(**frame);
}

}  // namespace kpulse
