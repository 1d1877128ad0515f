// Many cgroups with many threads in them that all do a little, all the time. Says when they are at work; ends them and
// removes the cgroups on SIGTERM, SIGINT or at the end of its standard input.
//
//   bench_crowd CGROUPS TASKS
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "bench/end_signal.h"
#include "kernel/test_cgroup.h"

namespace {

using namespace kpulse;

constexpr std::uint64_t kWorkNs = 10'000;
constexpr int kShortestUs = 50'000, kLongestUs = 100'000;

/// Sleeps and works for ever, so that a cgroup with a few such threads is active in every publish interval.
void live(unsigned seed) {
  std::minstd_rand random(seed);
  std::uniform_int_distribution<int> pause(kShortestUs, kLongestUs);
  for (;;) {
    usleep(static_cast<useconds_t>(pause(random)));
    for (const std::uint64_t until = monotonic_ns() + kWorkNs; monotonic_ns() < until;) {
    }
  }
}

/// A process in the cgroup that is gone at the latest when we are; writes a byte when all its threads are there.
pid_t start(const test::TestCgroup& cgroup, unsigned first, unsigned threads, int ready) {
  const pid_t child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  cgroup.join();
  std::vector<std::thread> others;
  for (unsigned number = 1; number < threads; ++number) others.emplace_back(live, first + number);
  if (write(ready, "", 1) != 1) _exit(1);
  live(first);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned cgroups = argc == 3 ? static_cast<unsigned>(std::atoi(argv[1])) : 0;
  const unsigned tasks = argc == 3 ? static_cast<unsigned>(std::atoi(argv[2])) : 0;
  std::array<int, 2> ready{};
  if (cgroups == 0 || tasks < cgroups || pipe2(ready.data(), O_CLOEXEC) != 0) {
    std::fprintf(stderr, "usage: bench_crowd CGROUPS TASKS\n");
    return 2;
  }
  const bench::EndSignal end;
  std::deque<test::TestCgroup> groups;
  std::vector<pid_t> children;
  for (unsigned number = 0; number < cgroups; ++number) {
    const unsigned first = tasks * number / cgroups, next = tasks * (number + 1) / cgroups;
    groups.emplace_back("kp_crowd_" + std::to_string(getpid()) + "_" + std::to_string(number));
    children.push_back(start(groups.back(), first, next - first, ready[1]));
  }
  close(ready[1]);
  unsigned at_work = 0;
  for (char byte = 0; at_work < cgroups && read(ready[0], &byte, 1) == 1;) ++at_work;
  if (at_work == cgroups) {
    std::printf("{\"cgroups\": %u, \"tasks\": %u}\n", cgroups, tasks);
    std::fflush(stdout);
    end.wait();
  }
  for (const pid_t child : children) kill(child, SIGKILL);
  for (const pid_t child : children) waitpid(child, nullptr, 0);
  for (test::TestCgroup& group : groups) group.remove();
  return at_work == cgroups ? 0 : 1;
}
