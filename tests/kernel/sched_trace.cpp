#include "kernel/sched_trace.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "kernel/kernel_trace.h"

namespace kpulse::test {
namespace {

/// The run queue's clock is read some microseconds before the trace's, and the trace's is cut off. In between an
/// interrupt may go on with its work, or a hypervisor take the CPU away; a wait that is not one is off by far more.
constexpr std::uint64_t kCloseNs = 50'000;
constexpr std::uint64_t kClosePart = 16;

}  // namespace

SchedTrace::SchedTrace() : folder_(make_trace_instance("switches")) {
  write_trace_file(folder_, "trace_clock", "mono");
  write_trace_file(folder_, "buffer_size_kb", "65536");
  for (const char* event : {"sched_migrate_task", "sched_wakeup", "sched_wakeup_new"})
    write_trace_file(folder_, fmt::format("events/sched/{}/enable", event), "1");
  write_trace_file(folder_, "events/sched/sched_switch/enable", "1");
}

SchedTrace::~SchedTrace() {
  rmdir(folder_.c_str());
}

void SchedTrace::stop() {
  write_trace_file(folder_, "tracing_on", "0");
  expect_no_lost_events(folder_);
  std::FILE* file = std::fopen((folder_ + "/trace").c_str(), "re");
  if (file == nullptr) throw std::runtime_error("cannot read " + folder_ + "/trace");
  std::array<char, 1024> line{};
  while (std::fgets(line.data(), line.size(), file) != nullptr) take(line.data());
  std::fclose(file);
}

/// "          <task>-<pid>   [<cpu>] <flags> <seconds>.<microseconds>: <event>: <text>"; a task's name may have any
/// byte.
void SchedTrace::take(const char* line) {
  const char* event = std::strstr(line, ": sched_");
  if (line[0] == '#' || event == nullptr) return;
  const char* bracket = event;
  while (bracket > line && *bracket != '[') --bracket;
  int cpu = 0;
  std::uint64_t seconds = 0, micros = 0;
  if (std::sscanf(bracket, "[%d] %*s %lu.%lu:", &cpu, &seconds, &micros) != 3) return;
  const std::uint64_t time = seconds * 1'000'000'000 + micros * 1'000;
  if (const char* to = std::strstr(event, "==> next_comm="); to != nullptr) {
    const char* pid = std::strstr(to, " next_pid=");
    if (pid == nullptr) return;
    to += std::strlen("==> next_comm=");
    stints_[cpu].push_back({.from = time, .pid = std::atoi(pid + 10), .comm = std::string(to, pid)});
  } else if (const char* pid = std::strstr(event, " pid="); pid != nullptr) {
    if (const char* orig = std::strstr(event, " orig_cpu="); orig != nullptr)
      moves_[std::atoi(pid + 5)].push_back({.time = time, .from_cpu = std::atoi(orig + 10)});
    else
      wakeups_[std::atoi(pid + 5)].push_back(time);
  }
}

std::uint64_t SchedTrace::arrival(int cpu, pid_t pid, std::uint64_t from, std::uint64_t to, std::uint64_t wait) const {
  const auto& stints = stints_.at(cpu);
  std::uint64_t best = 0, least = std::max(kCloseNs, wait / kClosePart);
  auto stint = std::ranges::lower_bound(stints, from, {}, &Stint::from);
  for (; stint != stints.end() && stint->from < to; ++stint) {
    if (stint->pid != pid) continue;
    const std::uint64_t waited = stint->from - runnable_since(pid, stint->from);
    const std::uint64_t off = waited > wait ? waited - wait : wait - waited;
    if (off >= least) continue;
    best = stint->from;
    least = off;
  }
  return best;
}

/// It left a CPU while runnable, or it was woken after that.
std::uint64_t SchedTrace::runnable_since(pid_t pid, std::uint64_t before) const {
  std::uint64_t since = 0;
  for (const auto& [cpu, stints] : stints_) {
    auto stint = std::ranges::lower_bound(stints, before, {}, &Stint::from);
    if (stint == stints.begin()) continue;
    for (--stint; stint != stints.begin() && stint->pid != pid; --stint) {
    }
    if (stint->pid == pid && std::next(stint) != stints.end()) since = std::max(since, std::next(stint)->from);
  }
  const auto wakeups = wakeups_.find(pid);
  if (wakeups == wakeups_.end()) return since;
  const auto next = std::ranges::lower_bound(wakeups->second, before);
  return next == wakeups->second.begin() ? since : std::max(since, *std::prev(next));
}

SchedTrace::Piece SchedTrace::longest_piece(int cpu, pid_t pid, std::uint64_t from, std::uint64_t to) const {
  Piece longest;
  const auto consider = [&](int on, std::uint64_t begin, std::uint64_t end) {
    if (end - begin > longest.to - longest.from) longest = {.cpu = on, .from = begin, .to = end};
  };
  std::uint64_t begin = from;
  if (const auto moves = moves_.find(pid); moves != moves_.end()) {
    for (const Move& move : moves->second) {
      if (move.time <= from || move.time >= to) continue;
      consider(move.from_cpu, begin, move.time);
      begin = move.time;
    }
  }
  consider(cpu, begin, to);
  return longest;
}

SchedTrace::Shares SchedTrace::shares(const Piece& piece) const {
  Shares shares;
  const auto& stints = stints_.at(piece.cpu);
  auto stint = std::ranges::upper_bound(stints, piece.from, {}, &Stint::from);
  if (stint != stints.begin()) --stint;
  for (; stint != stints.end() && stint->from < piece.to; ++stint) {
    const std::uint64_t end = std::next(stint) == stints.end() ? piece.to : std::next(stint)->from;
    const std::uint64_t begin = std::max(stint->from, piece.from);
    if (end <= begin) continue;
    Share& share = shares[stint->pid];
    share.ns += std::min(end, piece.to) - begin;
    ++share.pieces;
  }
  return shares;
}

}  // namespace kpulse::test
