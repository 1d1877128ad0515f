#include "cli/system_checks.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>

#include "cli/text.h"

namespace kpulse::cli {
namespace {

// Not in <linux/capability.h> of every distribution kpulse builds on.
constexpr unsigned kCapPerfmon = 38;
constexpr unsigned kCapBpf = 39;

bool has(std::uint64_t set, unsigned capability) {
  return (set >> capability & 1U) != 0;
}

int number_at(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// Before 5.8 there is no CAP_BPF and before 5.11 BPF memory is charged to RLIMIT_MEMLOCK.
bool older_than(std::string_view release, int major, int minor) {
  const auto dot = release.find('.');
  const int have_major = number_at(release);
  const int have_minor = dot == std::string_view::npos ? 0 : number_at(release.substr(dot + 1));
  return have_major != major ? have_major < major : have_minor < minor;
}

}  // namespace

Check check_kernel(std::string_view release) {
  Check check{
      .name = "kernel", .detail = fmt::format("{}, memlock limit not needed", printable(release)), .advice = {}};
  if (older_than(release, 5, 11)) {
    check.verdict = Verdict::warn;
    check.detail = printable(release);
    check.advice = "kernels before 5.11 count BPF memory against RLIMIT_MEMLOCK: run with `ulimit -l unlimited`";
  }
  return check;
}

Check check_btf(const char* path) {
  Check check{.name = "BTF", .detail = path, .advice = {}};
  if (::access(path, R_OK) == 0) return check;
  check.verdict = Verdict::fail;
  check.detail = fmt::format("{}: {}", path, std::strerror(errno));
  check.advice = "run a kernel built with CONFIG_DEBUG_INFO_BTF=y; in a container mount /sys/kernel/btf read-only";
  return check;
}

std::optional<std::uint64_t> effective_capabilities(std::string_view status) noexcept {
  constexpr std::string_view kKey = "CapEff:\t";
  const auto at = status.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  status.remove_prefix(at + kKey.size());
  std::uint64_t set = 0;
  const auto [end, error] = std::from_chars(status.data(), status.data() + status.size(), set, 16);
  return error == std::errc() ? std::optional(set) : std::nullopt;
}

Check check_capabilities(std::uint64_t effective) {
  const bool admin = has(effective, CAP_SYS_ADMIN);
  const bool bpf = has(effective, kCapBpf);
  const bool perfmon = has(effective, kCapPerfmon);
  const auto word = [](bool held) { return held ? "held" : "missing"; };
  Check check{.name = "capabilities",
              .detail = fmt::format("CAP_BPF {}, CAP_PERFMON {}, CAP_SYS_ADMIN {}{}", word(bpf), word(perfmon),
                                    word(admin), bpf && perfmon && !admin ? " (not needed)" : ""),
              .advice = {}};
  if (admin || (bpf && perfmon)) return check;
  check.verdict = Verdict::permission;
  check.advice = "run as root, or give CAP_BPF and CAP_PERFMON: setcap cap_bpf,cap_perfmon=ep FILE";
  return check;
}

Check check_priority(const PriorityTaken& taken) {
  Check check{.name = "priority", .detail = std::string(to_string(taken.priority)), .advice = {}};
  if (taken.priority == Priority::realtime) return check;
  check.verdict = Verdict::warn;
  check.detail += fmt::format(", real-time priority is refused: {}", std::strerror(taken.realtime_error));
  check.advice =
      "on a busy machine windows may be late: give CAP_SYS_NICE, or LimitRTPRIO=1 and LimitNICE=-10 in the unit, or "
      "--cap-add SYS_NICE; with CONFIG_RT_GROUP_SCHED the cgroup needs cpu.rt_runtime_us, too";
  return check;
}

std::vector<Check> program_checks(const std::vector<ProgramStatus>& programs) {
  std::vector<Check> checks;
  for (const ProgramStatus& program : programs) {
    checks.push_back({.name = fmt::format("{}/{}", program.probe, program.name),
                      .verdict = program.attached ? Verdict::ok : Verdict::warn,
                      .detail = program.attached ? "attached" : "not attached: " + printable(program.reason),
                      .advice = {}});
  }
  return checks;
}

}  // namespace kpulse::cli
