#include "probes/sched/recording.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kpulse::probes::recording {
namespace {

/// Each entry: its head, then `size` bytes. Both ends are this program on this architecture, so structs travel as they
/// are.
struct Head {
  char kind;
  char reserved[3];
  std::uint32_t size;
  std::uint64_t argument;  // CPU number
  std::uint64_t end;       // slots: windows before this one have ended
};

template <class T>
void put(std::ostream& out, char kind, std::span<const T> values, std::uint64_t argument = 0, std::uint64_t end = 0) {
  const auto size = static_cast<std::uint32_t>(values.size_bytes());
  const Head head{.kind = kind, .reserved = {}, .size = size, .argument = argument, .end = end};
  out.write(reinterpret_cast<const char*>(&head), sizeof(head));
  out.write(reinterpret_cast<const char*>(values.data()), size);
}

template <class T>
void put(std::ostream& out, char kind, const T& value, std::uint64_t argument = 0) {
  put(out, kind, std::span<const T>(&value, 1), argument);
}

template <class T>
bool get(std::istream& in, const Head& head, T& value) {
  return head.size == sizeof(T) && in.read(reinterpret_cast<char*>(&value), sizeof(T));
}

/// Reads one entry's value and hands it over; false when it is not as long as it should be.
template <class T, class Use>
bool take(std::istream& in, const Head& head, Use use) {
  const auto value = std::make_unique<T>();
  if (!get(in, head, *value)) return false;
  use(*value);
  return true;
}

bool take_slots(std::istream& in, const Head& head, SchedAssembler& assembler) {
  constexpr std::uint32_t kMostBytes = 1U << 20U;
  std::vector<kp_sched_slot> slots(head.size / sizeof(kp_sched_slot));
  if (slots.empty() || head.size > kMostBytes || head.size != slots.size() * sizeof(kp_sched_slot)) return false;
  if (!in.read(reinterpret_cast<char*>(slots.data()), head.size)) return false;
  assembler.on_slots(head.argument, slots, head.end);
  return true;
}

bool take_entry(std::istream& in, const Head& head, SchedAssembler& assembler,
                const std::function<void(const WindowRange&)>& on_collect) {
  switch (head.kind) {
    case 'W':
      return take<kp_window_config>(in, head, [&](const auto& config) { assembler.set_windows(config); });
    case 'R':
      return take<kp_sched_window>(in, head, [&](const auto& record) { assembler.on_record(record); });
    case 'C':
      return take<kp_sched_cpu>(in, head, [&](const auto& cpu) { assembler.on_snapshot(head.argument, cpu); });
    case 'L':
      return take<kp_look>(in, head, [&](const auto& look) { assembler.on_look(head.argument, look); });
    case 'S':
      return take_slots(in, head, assembler);
    case 'F':
      return take<WindowRange>(in, head, on_collect);
    default:
      return false;
  }
}

}  // namespace

void write(std::ostream& out, const kp_window_config& config) {
  put(out, 'W', config);
}
void write(std::ostream& out, const kp_sched_window& record) {
  put(out, 'R', record);
}
void write(std::ostream& out, std::size_t cpu, const kp_sched_cpu& snapshot) {
  put(out, 'C', snapshot, cpu);
}
void write(std::ostream& out, std::size_t cpu, const kp_look& look) {
  put(out, 'L', look, cpu);
}
void write(std::ostream& out, std::size_t cpu, std::span<const kp_sched_slot> slots, std::uint64_t end) {
  put(out, 'S', slots, cpu, end);
}
void write(std::ostream& out, const WindowRange& windows) {
  put(out, 'F', windows);
}

Result<> replay(std::istream& in, SchedAssembler& assembler,
                const std::function<void(const WindowRange&)>& on_collect) {
  Head head{};
  for (std::size_t entry = 0; in.read(reinterpret_cast<char*>(&head), sizeof(head)); ++entry) {
    if (!take_entry(in, head, assembler, on_collect)) {
      return fail("recording: entry " + std::to_string(entry) + " is truncated or of an unknown kind");
    }
  }
  return {};
}

}  // namespace kpulse::probes::recording
