#include "codec/frame_codec.h"

#include <fmt/format.h>
#include <google/protobuf/arena.h>
#include <kpulse/v1/frame.pb.h>

#include <algorithm>
#include <array>
#include <limits>

#include "codec/column_codec.h"
#include "model/catalog.h"

namespace kpulse {
namespace {

constexpr std::uint64_t kMinWindowNs = 1'000'000;
constexpr std::uint64_t kMaxWindowNs = 1'000'000'000;
constexpr std::uint64_t kMaxTimeNs = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMaxTagBytes = 255;
constexpr std::size_t kMaxCommBytes = 15;
constexpr std::size_t kMaxHostBytes = 253;
constexpr std::size_t kMaxTextBytes = 1024;
constexpr int kMaxPrograms = 1024;

tl::unexpected<Rejection> reject(Reject reason, std::string detail) {
  return tl::unexpected(Rejection{.reason = reason, .detail = std::move(detail)});
}

tl::unexpected<Rejection> lying(std::string detail) {
  return reject(Reject::counts, std::move(detail));
}

/// What every message is checked for, whatever it holds.
template <class Message>
tl::expected<void, Rejection> parse(std::string_view bytes, std::string_view topic_host, Message& message) {
  if (bytes.size() > kMaxMessageBytes) return reject(Reject::oversized, fmt::format("{} bytes", bytes.size()));
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return reject(Reject::malformed, fmt::format("{} bytes that do not parse", bytes.size()));
  }
  if (message.version() != kWireVersion) return reject(Reject::version, fmt::format("version {}", message.version()));
  if (!valid_host(topic_host)) return reject(Reject::host_mismatch, "the topic has no valid host name");
  if (message.host() != topic_host) return reject(Reject::host_mismatch, "the message names another host");
  return {};
}

tl::expected<void, Rejection> check_time(const v1::Frame& wire) {
  if (wire.sequence() == 0) return lying("sequence 0");
  if (wire.windows() == 0 || wire.windows() > kMaxWindows) return lying(fmt::format("{} windows", wire.windows()));
  if (wire.window_ns() < kMinWindowNs || wire.window_ns() > kMaxWindowNs) {
    return lying(fmt::format("windows of {} ns", wire.window_ns()));
  }
  const std::uint64_t windows_until_end_of_time = kMaxTimeNs / wire.window_ns();
  if (wire.first_window() > windows_until_end_of_time - wire.windows()) {
    return lying(fmt::format("window {} is out of range", wire.first_window()));
  }
  return {};
}

tl::expected<void, Rejection> take_tasks(const v1::Frame& wire, Frame& frame) {
  frame.tasks.reserve(static_cast<std::size_t>(wire.tasks_size()));
  for (const v1::Task& task : wire.tasks()) {
    if (task.comm().size() > kMaxCommBytes) return lying(fmt::format("comm of {} bytes", task.comm().size()));
    frame.tasks.push_back({.pid = task.pid(), .tgid = task.tgid(), .comm = task.comm(), .cgroup = task.cgroup()});
  }
  return {};
}

tl::expected<void, Rejection> take_tags(const Measurement& measurement, const v1::Series& wire, Series& series) {
  if (static_cast<std::size_t>(wire.tags_size()) != measurement.tags.size()) {
    return lying(fmt::format("{}: {} tags", measurement.name, wire.tags_size()));
  }
  for (const std::string& tag : wire.tags()) {
    if (tag.empty() || tag.size() > kMaxTagBytes) {
      return lying(fmt::format("{}: tag of {} bytes", measurement.name, tag.size()));
    }
    series.tags.push_back(tag);
  }
  return {};
}

tl::expected<void, Rejection> take_absent(const Measurement& measurement, std::size_t rows, const v1::Series& wire,
                                          Series& series) {
  if (measurement.scope == Scope::interval && !wire.absent().empty()) return lying("absent rows in an interval");
  std::uint64_t next = 0;
  for (const std::uint32_t row : wire.absent()) {
    if (row < next || row >= rows) return lying(fmt::format("{}: absent row {} of {}", measurement.name, row, rows));
    next = std::uint64_t{row} + 1;
  }
  series.absent.assign(wire.absent().begin(), wire.absent().end());
  return {};
}

tl::expected<void, Rejection> take_columns(const Measurement& measurement, const ColumnLimits& limits,
                                           const v1::Series& wire, Series& series) {
  std::uint64_t seen = 0;
  series.columns.reserve(static_cast<std::size_t>(wire.columns_size()));
  for (const v1::Column& column : wire.columns()) {
    const Field* field = find_field(measurement, column.field());
    if (field == nullptr) continue;
    const auto bit = std::uint64_t{1} << static_cast<std::size_t>(field - measurement.fields.data());
    if ((seen & bit) != 0) return lying(fmt::format("{}.{} twice", measurement.name, field->name));
    seen |= bit;
    const char* mistake = decode_column(*field, limits, column, series.columns.emplace_back());
    if (mistake != nullptr) return lying(fmt::format("{}.{}: {}", measurement.name, field->name, mistake));
  }
  return {};
}

tl::expected<void, Rejection> take_series(const v1::Frame& wire, Frame& frame) {
  std::size_t rows_left = kMaxRows;
  frame.series.reserve(static_cast<std::size_t>(wire.series_size()));
  for (const v1::Series& from : wire.series()) {
    const Measurement* measurement = find_measurement(from.measurement());
    if (measurement == nullptr) continue;
    const std::size_t rows = measurement->scope == Scope::window ? wire.windows() : 1;
    if (rows > rows_left) return lying(fmt::format("more than {} rows", kMaxRows));
    rows_left -= rows;
    Series& series = frame.series.emplace_back();
    series.measurement = measurement->id;
    const ColumnLimits limits{.rows = rows, .tasks = frame.tasks.size()};
    auto checked = take_tags(*measurement, from, series);
    if (checked) checked = take_absent(*measurement, rows, from, series);
    if (checked) checked = take_columns(*measurement, limits, from, series);
    if (!checked) return checked;
  }
  return {};
}

void put_series(const Series& series, v1::Series& wire) {
  wire.set_measurement(series.measurement);
  for (const std::string& tag : series.tags) wire.add_tags(tag);
  wire.mutable_absent()->Add(series.absent.begin(), series.absent.end());
  for (const Column& column : series.columns) encode_column(column, *wire.add_columns());
}

bool texts_are_short(const v1::State& wire) {
  return wire.agent_version().size() <= kMaxTextBytes && wire.kernel_release().size() <= kMaxTextBytes &&
         std::ranges::all_of(wire.programs(), [](const v1::Program& program) {
           return program.probe().size() <= kMaxTextBytes && program.name().size() <= kMaxTextBytes &&
                  program.reason().size() <= kMaxTextBytes;
         });
}

}  // namespace

std::string_view to_string(Reject reason) noexcept {
  static constexpr std::array<std::string_view, kRejectReasons> kNames{"oversized", "malformed", "version",
                                                                       "host_mismatch", "counts"};
  return kNames[static_cast<std::size_t>(reason)];
}

bool valid_host(std::string_view host) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !host.empty() && host.size() <= kMaxHostBytes && std::ranges::all_of(host, allowed);
}

void encode(const Frame& frame, std::string& out) {
  google::protobuf::Arena arena;
  auto& wire = *google::protobuf::Arena::CreateMessage<v1::Frame>(&arena);
  wire.set_version(kWireVersion);
  wire.set_host(frame.host);
  wire.set_stream(frame.stream);
  wire.set_sequence(frame.sequence);
  wire.set_window_ns(frame.window_ns);
  wire.set_first_window(frame.first_window);
  wire.set_windows(frame.windows);
  for (const Task& task : frame.tasks) {
    v1::Task& to = *wire.add_tasks();
    to.set_pid(task.pid);
    to.set_tgid(task.tgid);
    to.set_comm(task.comm);
    to.set_cgroup(task.cgroup);
  }
  for (const Series& series : frame.series) put_series(series, *wire.add_series());
  out.clear();
  wire.AppendToString(&out);
}

std::string encode(const State& state) {
  v1::State wire;
  wire.set_version(kWireVersion);
  wire.set_host(state.host);
  wire.set_stream(state.stream);
  wire.set_online(state.online);
  wire.set_window_ns(state.window_ns);
  wire.set_publish_ns(state.publish_ns);
  wire.set_agent_version(state.agent_version);
  wire.set_kernel_release(state.kernel_release);
  for (const ProgramStatus& program : state.programs) {
    v1::Program& to = *wire.add_programs();
    to.set_probe(program.probe);
    to.set_name(program.name);
    to.set_attached(program.attached);
    to.set_reason(program.reason);
  }
  return wire.SerializeAsString();
}

tl::expected<Frame, Rejection> decode_frame(std::string_view bytes, std::string_view topic_host) {
  // Parsed into an arena whose first block is kept per thread: a usual frame costs no allocation here.
  static thread_local std::array<char, 64U << 10U> block;
  google::protobuf::Arena arena(block.data(), block.size());
  auto& wire = *google::protobuf::Arena::CreateMessage<v1::Frame>(&arena);
  auto checked = parse(bytes, topic_host, wire);
  if (checked) checked = check_time(wire);
  if (!checked) return tl::unexpected(std::move(checked.error()));
  Frame frame{.host = wire.host(),
              .stream = wire.stream(),
              .sequence = wire.sequence(),
              .window_ns = wire.window_ns(),
              .first_window = wire.first_window(),
              .windows = wire.windows(),
              .tasks = {},
              .series = {}};
  checked = take_tasks(wire, frame);
  if (checked) checked = take_series(wire, frame);
  if (!checked) return tl::unexpected(std::move(checked.error()));
  return frame;
}

tl::expected<State, Rejection> decode_state(std::string_view bytes, std::string_view topic_host) {
  v1::State wire;
  if (auto checked = parse(bytes, topic_host, wire); !checked) return tl::unexpected(std::move(checked.error()));
  if (wire.programs_size() > kMaxPrograms) return lying(fmt::format("{} programs", wire.programs_size()));
  if (!texts_are_short(wire)) return lying("a text is too long");
  State state{.host = wire.host(),
              .stream = wire.stream(),
              .online = wire.online(),
              .window_ns = wire.window_ns(),
              .publish_ns = wire.publish_ns(),
              .agent_version = wire.agent_version(),
              .kernel_release = wire.kernel_release(),
              .programs = {}};
  for (const v1::Program& from : wire.programs()) {
    state.programs.push_back(
        {.probe = from.probe(), .name = from.name(), .attached = from.attached(), .reason = from.reason()});
  }
  return state;
}

}  // namespace kpulse
