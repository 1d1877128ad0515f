#include "influx/line.h"

#include <algorithm>

#include "influx/text.h"
#include "model/catalog.h"
#include "model/histogram.h"
#include "model/rows.h"

namespace kpulse::influx {
namespace {

const Column* find_column(const Series& series, std::uint32_t field) noexcept {
  const auto found = std::ranges::find(series.columns, field, &Column::field);
  return found == series.columns.end() ? nullptr : &*found;
}

std::uint64_t integer_at(const Column* column, std::size_t row) noexcept {
  return column == nullptr ? 0 : column->values[row];
}

/// part / (part + rest) with six decimals: much cheaper than the shortest exact text, and finer than any panel shows.
void put_share(std::uint64_t part, std::uint64_t rest, LineBuffer& out) noexcept {
  constexpr std::uint32_t kOne = 1'000'000;
  if (part == 0) return out.put('0');
  if (rest == 0) return out.put('1');
  const double ratio = static_cast<double>(part) / (static_cast<double>(part) + static_cast<double>(rest));
  auto scaled = static_cast<std::uint32_t>(ratio * kOne + 0.5);
  if (scaled >= kOne) return out.put('1');
  std::array<char, 8> text{'0', '.'};
  for (std::size_t at = text.size(); at > 2; scaled /= 10) text[--at] = static_cast<char>('0' + scaled % 10);
  out.put(std::string_view(text.data(), text.size()));
}

}  // namespace

LineRenderer::LineRenderer() {
  for (const Measurement& measurement : catalog()) {
    if (plans_.size() <= measurement.id) plans_.resize(measurement.id + 1, MeasurementPlan{});
    plans_[measurement.id] = make_plan(measurement);
  }
}

void LineRenderer::render(const Frame& frame, LineBuffer& out, std::size_t max_lines, const Full& full) {
  out_ = &out;
  max_lines_ = max_lines;
  full_ = &full;
  prepare_tasks(frame);
  for (const Series& series : frame.series) {
    if (series.measurement >= plans_.size() || plans_[series.measurement].measurement == nullptr) continue;
    const MeasurementPlan& plan = plans_[series.measurement];
    prepare_prefix(plan, frame, series);
    if (plan.is_histogram) {
      write_histogram(plan, frame, series);
    } else {
      write_rows(plan, frame, series);
    }
  }
  write_octaves(frame);
}

void LineRenderer::prepare_tasks(const Frame& frame) {
  if (tasks_.size() < frame.tasks.size()) tasks_.resize(frame.tasks.size());
  task_room_ = 4 * LineBuffer::kNumberRoom;
  std::size_t longest = 0;
  for (std::size_t i = 0; i < frame.tasks.size(); ++i) {
    const Task& task = frame.tasks[i];
    const auto number = [](std::uint64_t value) {
      return std::to_string(std::min<std::uint64_t>(value, std::numeric_limits<std::int64_t>::max()));
    };
    tasks_[i].pid.assign(number(task.pid));
    tasks_[i].cgroup.assign(number(task.cgroup));
    text_.clear();
    append_string(task.comm, text_);
    tasks_[i].comm.assign(text_);
    longest = std::max(longest, text_.size());
  }
  task_room_ += longest;
}

void LineRenderer::prepare_prefix(const MeasurementPlan& plan, const Frame& frame, const Series& series) {
  text_.assign(plan.measurement->name);
  std::size_t next = 0;
  for (const std::string_view name : plan.tag_names) {
    text_.append(",").append(name).append("=");
    append_tag(name == "host" ? std::string_view(frame.host) : std::string_view(series.tags[next++]), text_);
  }
  text_.push_back(' ');
  prefix_.assign(text_);
}

void LineRenderer::prepare_steps(const MeasurementPlan& plan, const Series& series) {
  steps_.clear();
  for (const FieldPlan& field : plan.fields) {
    if (field.field->kind == Kind::share) {
      steps_.push_back({.plan = &field,
                        .column = find_column(series, field.field->part),
                        .rest = find_column(series, field.field->rest)});
    } else {
      steps_.push_back({.plan = &field, .column = find_column(series, field.field->id), .rest = nullptr});
    }
  }
}

void LineRenderer::write_rows(const MeasurementPlan& plan, const Frame& frame, const Series& series) {
  prepare_steps(plan, series);
  const std::size_t room = plan.max_line + prefix_.size() + plan.fields.size() * task_room_;
  const std::size_t rows = row_count(*plan.measurement, frame, series);
  auto absent = series.absent.begin();
  for (std::size_t row = 0; row < rows; ++row) {
    if (absent != series.absent.end() && *absent == row) {
      ++absent;
      continue;
    }
    out_->reserve(room);
    out_->put(prefix_);
    for (const Step& step : steps_) write_field(step, row);
    end_line(row_time(*plan.measurement, frame, series, row));
  }
}

void LineRenderer::write_field(const Step& step, std::size_t row) noexcept {
  if (step.column == nullptr) return out_->put(step.plan->zero);
  switch (step.plan->field->kind) {
    case Kind::task:
      return write_task(*step.plan, step.column->values[row]);
    case Kind::real:
      out_->put(step.plan->key);
      return out_->put(step.column->reals[row]);
    case Kind::share:
      out_->put(step.plan->key);
      return put_share(step.column->values[row], integer_at(step.rest, row), *out_);
    default:
      out_->put(step.plan->key);
      out_->put(step.column->values[row]);
      return out_->put('i');
  }
}

void LineRenderer::write_task(const FieldPlan& plan, std::uint64_t reference) noexcept {
  if (reference == 0) return out_->put(plan.zero);
  const TaskText& task = tasks_[reference - 1];
  out_->put(plan.key);
  out_->put(task.pid);
  out_->put(plan.comm_key);
  out_->put(task.comm);
  out_->put(plan.cgroup_key);
  out_->put(task.cgroup);
  out_->put('i');
}

void LineRenderer::write_histogram(const MeasurementPlan& plan, const Frame& frame, const Series& series) {
  static const Column kEmpty;
  const Column* found = find_column(series, plan.measurement->fields.front().id);
  const Column& column = found == nullptr ? kEmpty : *found;
  const HistogramPlan& keys = plan.histogram;
  const auto put = [this](const Piece& key, std::uint64_t value) {
    out_->put(key);
    out_->put(value);
  };
  out_->reserve(plan.max_line + prefix_.size());
  out_->put(prefix_);
  put(keys.count, count_of(column.buckets));
  put(keys.sum, column.sum);
  put(keys.max, upper_bound_of(column.buckets));
  put(keys.p50, quantile(column.buckets, 0.5));
  put(keys.p90, quantile(column.buckets, 0.9));
  put(keys.p99, quantile(column.buckets, 0.99));
  put(keys.p999, quantile(column.buckets, 0.999));
  out_->put('i');
  end_line(frame.first_window * frame.window_ns);
  add_octaves(plan, frame, series, column);
}

void LineRenderer::add_octaves(const MeasurementPlan& plan, const Frame& frame, const Series& series,
                               const Column& column) {
  le_head_.assign(plan.measurement->name).append("_le");
  le_tail_.clear();
  std::size_t next = 0;
  for (const std::string_view name : plan.tag_names) {
    const std::string_view value =
        name == "host" ? std::string_view(frame.host) : std::string_view(series.tags[next++]);
    if (name == "cpu") continue;
    std::string& part = name < "le" ? le_head_ : le_tail_;
    part.append(",").append(name).append("=");
    append_tag(value, part);
  }
  octaves_.add(le_head_, le_tail_, column.buckets);
}

void LineRenderer::write_octaves(const Frame& frame) {
  octaves_.drain(
      [this, &frame](std::string_view head, std::string_view le, std::string_view tail, std::uint64_t count) {
        out_->reserve(head.size() + le.size() + tail.size() + 4 * LineBuffer::kNumberRoom);
        out_->put(head);
        out_->put(le);
        out_->put(tail);
        out_->put(std::string_view(" count="));
        out_->put(count);
        out_->put('i');
        end_line(frame.first_window * frame.window_ns);
      });
}

void LineRenderer::end_line(std::uint64_t time_ns) {
  out_->put(' ');
  out_->put(time_ns);
  out_->end_line();
  if (out_->lines() >= max_lines_ || out_->size() >= kMaxBytes) out_ = &(*full_)();
}

}  // namespace kpulse::influx
