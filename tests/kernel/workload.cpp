#include "kernel/workload.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "agent/schedule.h"
#include "base/clock.h"

namespace kpulse::test {
namespace {

struct Schedstat {
  std::uint64_t run_ns = 0;
  std::uint64_t wait_ns = 0;
};

/// The kernel brings the run time up to date when it is read, see task_sched_runtime().
Schedstat read_schedstat(const std::filesystem::path& file) {
  Schedstat stat;
  std::ifstream(file) >> stat.run_ns >> stat.wait_ns;
  return stat;
}

void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (sched_setaffinity(0, sizeof(set), &set) != 0) _exit(90);
}

/// Niceness counts against everything else on the machine only when the session's autogroup has it too.
void set_nice(int nice) {
  setsid();
  setpriority(PRIO_PROCESS, 0, nice);
  std::ofstream("/proc/self/autogroup") << nice;
}

[[noreturn]] void run_child(const ChildOptions& options, const std::function<void(Account&)>& work, Account& account) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, options.name.c_str());
  set_nice(options.nice);
  pin(options.cpu);
  sched_yield();
  account.begin_wall = wall_ns();  // around what is read of its account
  const Schedstat before = read_schedstat("/proc/thread-self/schedstat");
  work(account);
  const Schedstat after = read_schedstat("/proc/thread-self/schedstat");
  account.end_wall = wall_ns();
  account.run_ns = after.run_ns - before.run_ns;
  account.wait_ns = after.wait_ns - before.wait_ns;
  _exit(0);
}

}  // namespace

Child::Child(const ChildOptions& options, const std::function<void(Account&)>& work) {
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) run_child(options, work, *account_);
}

Child::~Child() {
  if (!finished()) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

bool Child::finished() {
  if (!reaped_) reaped_ = waitpid(pid_, nullptr, WNOHANG) == pid_;
  return reaped_;
}

PinnedTo::PinnedTo(int cpu) {
  sched_getaffinity(0, sizeof(before_), &before_);
  pin(cpu);
}

PinnedTo::~PinnedTo() {
  sched_setaffinity(0, sizeof(before_), &before_);
}

Offline::Offline(int cpu) : path_("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/online") {
  write("0");
}

Offline::~Offline() {
  end();
}

void Offline::end() const {
  write("1");
}

void Offline::write(const char* what) const {
  std::ofstream(path_) << what << std::flush;
}

void become_real_time(int priority) {
  const sched_param parameter{.sched_priority = priority};
  if (sched_setscheduler(0, SCHED_FIFO, &parameter) != 0) _exit(93);
}

void spin_until(std::uint64_t wall) {
  while (wall_ns() < wall) {
  }
}

void sleep_until(std::uint64_t wall) {
  if (const std::uint64_t now = wall_ns(); now < wall)
    std::this_thread::sleep_for(std::chrono::nanoseconds(wall - now));
}

void ping_pong(const std::function<bool()>& goes_on, std::chrono::microseconds pause) {
  std::array<int, 2> ping{}, pong{};
  if (pipe(ping.data()) != 0 || pipe(pong.data()) != 0) _exit(91);
  char byte = 0;
  if (fork() == 0) {
    close(ping[1]);
    while (read(ping[0], &byte, 1) == 1 && write(pong[1], &byte, 1) == 1) {
    }
    _exit(0);
  }
  while (goes_on() && write(ping[1], &byte, 1) == 1 && read(pong[0], &byte, 1) == 1) {
    if (pause.count() > 0) std::this_thread::sleep_for(pause);
  }
}

void ping_pong(std::uint64_t until, std::chrono::microseconds pause) {
  ping_pong([=] { return wall_ns() < until; }, pause);
}

void allow_all_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof(set), &set);
}

double relative_error(std::uint64_t value, std::uint64_t truth) {
  return std::abs(static_cast<double>(value) / static_cast<double>(truth) - 1.0);
}

std::uint64_t own_run_ns() {
  return read_schedstat("/proc/thread-self/schedstat").run_ns;
}

std::uint64_t own_wait_ns() {
  return read_schedstat("/proc/thread-self/schedstat").wait_ns;
}

std::uint64_t proc_stat(const std::string& key, int further) {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    if (word != key) continue;
    std::uint64_t value = 0;
    for (int number = 0; number <= further; ++number) file >> value;
    if (file) return value;
  }
  throw std::runtime_error("no " + key + " in /proc/stat");
}

bool emulated() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.find("QEMU TCG") != std::string::npos) return true;
  }
  return false;
}

std::uint64_t patience_ns() {
  return (emulated() ? 240 : 300) * std::uint64_t{1'000'000'000};  // less than what a guest may be silent
}

std::uint64_t grace_ns() {
  return emulated() ? 250'000'000 : agent::Schedule::kGraceNs;
}

int test_cpu() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof(set), &set);
  for (int cpu = CPU_SETSIZE - 1; cpu > 0; --cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) return cpu;
  }
  return 0;
}

}  // namespace kpulse::test
