#include "influx/line.h"

#include <algorithm>

#include "influx/text.h"
#include "model/catalog.h"
#include "model/histogram.h"
#include "model/rows.h"

namespace kpulse::influx {
namespace {

// More windows than frames have, except with very short ones: those are formatted each time.
constexpr std::size_t kPreparedTimes = 128;
const std::string_view kCount = " count=";

template <std::size_t Room>
void assign_number(std::uint64_t value, ShortText<Room>& text) noexcept {
  static_assert(Room >= 16);
  Pen pen(text.text.data());
  pen.put(value);
  text.size = static_cast<std::size_t>(pen.at() - text.text.data());
}

void put_end(std::uint64_t time_ns, Pen& pen) noexcept {
  pen.put(' ');
  pen.put(time_ns);
  pen.put('\n');
}

/// part / (part + rest) with six decimals: much cheaper than the shortest exact text, and finer than any panel shows.
void put_share(std::uint64_t part, std::uint64_t rest, Pen& pen) noexcept {
  constexpr std::uint32_t kOne = 1'000'000;
  if (part == 0) return pen.put('0');
  if (rest == 0) return pen.put('1');
  const double ratio = static_cast<double>(part) / (static_cast<double>(part) + static_cast<double>(rest));
  const auto scaled = static_cast<std::uint32_t>(ratio * kOne + 0.5);
  if (scaled >= kOne) return pen.put('1');
  std::array<char, 8> text;
  write_eight(scaled, text.data());  // below a million, so the first two digits are not needed
  text[1] = '.';
  pen.put(std::string_view(text.data(), text.size()));
}

std::string_view value_of(const TagPlan& tag, const Series& series) noexcept {
  return series.tags[tag.position];
}

}  // namespace

LineRenderer::LineRenderer() {
  for (const Measurement& measurement : catalog()) {
    if (plans_.size() <= measurement.id) plans_.resize(measurement.id + 1, MeasurementPlan{});
    plans_[measurement.id] = make_plan(measurement);
  }
  layouts_.resize(plans_.size());
}

void LineRenderer::render(const Frame& frame, LineBuffer& out, std::size_t max_lines, const Full& full) {
  out_ = &out;
  max_lines_ = max_lines;
  full_ = &full;
  prepare_frame(frame);
  for (const Series& series : frame.series) {
    if (series.measurement >= plans_.size() || plans_[series.measurement].measurement == nullptr) continue;
    const MeasurementPlan& plan = plans_[series.measurement];
    prepare_prefix(plan, series);
    if (plan.is_histogram) {
      write_histogram(plan, series);
    } else {
      write_rows(plan, frame, series);
    }
  }
  write_octaves();
}

void LineRenderer::prepare_frame(const Frame& frame) {
  host_.clear();
  append_tag(frame.host, host_);
  times_.resize(std::clamp<std::size_t>(frame.windows, 1, kPreparedTimes));
  for (std::size_t row = 0; row < times_.size(); ++row) {
    Pen pen(times_[row].text.data());
    put_end((frame.first_window + row) * frame.window_ns, pen);
    times_[row].size = static_cast<std::size_t>(pen.at() - times_[row].text.data());
  }
  if (tasks_.size() < frame.tasks.size()) tasks_.resize(frame.tasks.size());
  std::size_t longest = 0;
  for (std::size_t i = 0; i < frame.tasks.size(); ++i) {
    prepare_task(frame.tasks[i], tasks_[i]);
    longest = std::max(longest, tasks_[i].comm.size());
  }
  task_room_ = 4 * Pen::kNumberRoom + longest;
}

void LineRenderer::prepare_task(const Task& task, TaskText& text) {
  assign_number(task.pid, text.pid);
  assign_number(task.cgroup, text.cgroup);
  text_.clear();
  append_string(task.comm, text_);
  text.comm.assign(text_);
}

void LineRenderer::prepare_prefix(const MeasurementPlan& plan, const Series& series) {
  text_.assign(plan.measurement->name);
  for (const TagPlan& tag : plan.tags) {
    text_.append(tag.key);
    if (tag.is_host) {
      text_.append(host_);
    } else {
      append_tag(value_of(tag, series), text_);
    }
  }
  text_.push_back(' ');
  prefix_.assign(text_);
}

const Layout& LineRenderer::prepare_steps(const MeasurementPlan& plan, const Series& series) {
  const std::span<const Field> fields = plan.measurement->fields;
  columns_.assign(fields.size(), nullptr);
  FieldSets sets;
  for (const Column& column : series.columns) {
    const Field* field = find_field(*plan.measurement, column.field);
    if (field == nullptr) continue;
    const auto position = static_cast<std::size_t>(field - fields.data());
    columns_[position] = &column;
    sets.columns |= ColumnSet{1} << position;
  }
  for (const std::uint32_t id : series.unmeasured) {
    const Field* field = find_field(*plan.measurement, id);
    if (field != nullptr) sets.unmeasured |= ColumnSet{1} << static_cast<std::size_t>(field - fields.data());
  }
  const Layout& layout = layouts_[plan.measurement->id].get(plan, sets);
  steps_.clear();
  for (const Slot& slot : layout.slots) {
    const bool share = slot.plan->field->kind == Kind::share;
    const auto own = static_cast<std::size_t>(slot.plan->field - fields.data());
    steps_.push_back({.slot = &slot,
                      .column = columns_[share ? slot.plan->part : own],
                      .rest = share ? columns_[slot.plan->rest] : nullptr});
  }
  return layout;
}

void LineRenderer::write_rows(const MeasurementPlan& plan, const Frame& frame, const Series& series) {
  const Layout& layout = prepare_steps(plan, series);
  if (layout.slots.empty() && layout.tail.size() == 0) return;  // a line has at least one field
  const std::size_t room = plan.max_line + prefix_.size() + plan.fields.size() * task_room_;
  const std::size_t rows = row_count(*plan.measurement, frame, series);
  auto absent = series.absent.begin();
  for (std::size_t row = 0; row < rows; ++row) {
    if (absent != series.absent.end() && *absent == row) {
      ++absent;
      continue;
    }
    Pen pen = out_->begin_line(room);
    write_row(layout, row, pen);
    put_time(*plan.measurement, frame, series, row, pen);
    end_line(pen);
  }
}

void LineRenderer::write_row(const Layout& layout, std::size_t row, Pen& line) const noexcept {
  Pen pen = line;  // here it can stay in a register
  pen.put(prefix_);
  for (const Step& step : steps_) {
    pen.put(step.slot->text);
    write_value(step, row, pen);
  }
  pen.put(layout.tail);
  line = pen;
}

inline void LineRenderer::write_value(const Step& step, std::size_t row, Pen& pen) const noexcept {
  switch (step.slot->plan->field->kind) {
    case Kind::task:
      return write_task(*step.slot->plan, step.column->values[row], pen);
    case Kind::real:
      return pen.put(step.column->reals[row]);
    case Kind::share:
      return put_share(step.column->values[row], step.rest == nullptr ? 0 : step.rest->values[row], pen);
    default:
      return pen.put(step.column->values[row]);
  }
}

inline void LineRenderer::write_task(const FieldPlan& plan, std::uint64_t reference, Pen& pen) const noexcept {
  if (reference == 0) return pen.put(plan.no_task);
  const TaskText& task = tasks_[reference - 1];
  pen.put(task.pid);
  pen.put(plan.comm_key);
  pen.put(task.comm);
  pen.put(plan.cgroup_key);
  pen.put(task.cgroup);
}

void LineRenderer::write_histogram(const MeasurementPlan& plan, const Series& series) {
  static const Column kEmpty;
  static constexpr std::array kQuantiles{0.5, 0.9, 0.99, 0.999};
  const auto found = std::ranges::find(series.columns, plan.measurement->fields.front().id, &Column::field);
  const Column& column = found == series.columns.end() ? kEmpty : *found;
  const HistogramPlan& keys = plan.histogram;
  const std::uint64_t count = count_of(column.buckets);
  std::array<std::uint64_t, kQuantiles.size()> values;
  quantiles(column.buckets, count, kQuantiles, values);
  Pen pen = out_->begin_line(plan.max_line + prefix_.size());
  const auto put = [&pen](const Piece& key, std::uint64_t value) {
    pen.put(key);
    pen.put(value);
  };
  pen.put(prefix_);
  put(keys.count, count);
  put(keys.sum, column.sum);
  put(keys.max, upper_bound_of(column.buckets));
  put(keys.p50, values[0]);
  put(keys.p90, values[1]);
  put(keys.p99, values[2]);
  put(keys.p999, values[3]);
  pen.put('i');
  pen.put(times_.front());
  end_line(pen);
  add_octaves(plan, series, column);
}

/// What is summed has the same measurement and the same tags but the CPU.
void LineRenderer::add_octaves(const MeasurementPlan& plan, const Series& series, const Column& column) {
  const auto put_size = [this](std::uint32_t size) { text_.append(reinterpret_cast<const char*>(&size), sizeof size); };
  text_.clear();
  put_size(series.measurement);
  for (const TagPlan& tag : plan.tags) {
    if (tag.is_host || tag.is_summed) continue;
    put_size(static_cast<std::uint32_t>(value_of(tag, series).size()));
    text_.append(value_of(tag, series));
  }
  octaves_.add(text_, series, column.buckets);
}

void LineRenderer::prepare_octaves(const Series& series) {
  const MeasurementPlan& plan = plans_[series.measurement];
  const auto text_of = [&](bool before_le) {
    text_.clear();
    if (before_le) text_.append(plan.measurement->name).append("_le");
    for (const TagPlan& tag : plan.tags) {
      if (tag.is_summed || tag.before_le != before_le) continue;
      text_.append(tag.key);
      append_tag(tag.is_host ? std::string_view(host_) : value_of(tag, series), text_);
    }
  };
  text_of(true);
  text_.append(",le=");
  le_head_.assign(text_);
  text_of(false);
  text_.append(kCount);
  le_tail_.assign(text_);
}

void LineRenderer::write_octaves() {
  octaves_.drain([this](const Series& first, const OctaveTable::Counts& counts) {
    prepare_octaves(first);
    for (std::size_t octave = 0; octave < kOctaves; ++octave) {
      if (counts[octave] == 0) continue;
      Pen pen = out_->begin_line(le_head_.size() + le_tail_.size() + 6 * Pen::kNumberRoom);
      pen.put(le_head_);
      pen.put(std::uint64_t{1} << octave);
      pen.put(le_tail_);
      pen.put(counts[octave]);
      pen.put('i');
      pen.put(times_.front());
      end_line(pen);
    }
  });
}

void LineRenderer::put_time(const Measurement& measurement, const Frame& frame, const Series& series, std::size_t row,
                            Pen& pen) const noexcept {
  const bool prepared = measurement.scope != Scope::event && row < times_.size();
  if (prepared) return pen.put(times_[measurement.scope == Scope::window ? row : 0]);
  put_end(row_time(measurement, frame, series, row), pen);
}

void LineRenderer::end_line(const Pen& pen) {
  out_->end_line(pen);
  if (out_->lines() >= max_lines_ || out_->size() >= kMaxBytes) out_ = &(*full_)();
}

}  // namespace kpulse::influx
