#include "codec/frame_codec.h"

#include <fmt/format.h>
#include <google/protobuf/arena.h>
#include <kpulse/v1/frame.pb.h>

#include <algorithm>
#include <array>

#include "codec/message_check.h"
#include "codec/series_encoder.h"

namespace kpulse {
namespace {

constexpr std::size_t kMaxHostBytes = 253;
constexpr std::size_t kMaxTextBytes = 1024;
constexpr int kMaxPrograms = 1024;

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

tl::expected<void, Rejection> check_size(std::string_view bytes) {
  if (bytes.size() > kMaxMessageBytes) return reject(Reject::oversized, fmt::format("{} bytes", bytes.size()));
  return {};
}

tl::expected<void, Rejection> check_head(std::uint32_t version, std::string_view host, std::string_view topic_host) {
  if (version != kWireVersion) return reject(Reject::version, fmt::format("version {}", version));
  if (!valid_host(topic_host)) return reject(Reject::host_mismatch, "the topic has no valid host name");
  if (host != topic_host) return reject(Reject::host_mismatch, "the message names another host");
  return {};
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
  wire.set_late(frame.late);
  for (const Task& task : frame.tasks) {
    v1::Task& to = *wire.add_tasks();
    to.set_pid(task.pid);
    to.set_tgid(task.tgid);
    to.set_comm(task.comm);
    to.set_cgroup(task.cgroup);
  }
  SeriesEncoder(frame, wire).put_all();
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

tl::expected<State, Rejection> decode_state(std::string_view bytes, std::string_view topic_host) {
  v1::State wire;
  auto checked = check_size(bytes);
  if (!checked) return tl::unexpected(std::move(checked.error()));
  if (!wire.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return reject(Reject::malformed, "state that does not parse");
  checked = check_head(wire.version(), wire.host(), topic_host);
  if (!checked) return tl::unexpected(std::move(checked.error()));
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
