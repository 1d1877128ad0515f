// Hands a byte to and fro between two processes on one CPU, until it is killed: two context switches each way.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace {

bool pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  return sched_setaffinity(0, sizeof(set), &set) == 0;
}

void answer_for_ever(int in, int out) {
  char byte = 0;
  while (read(in, &byte, 1) == 1 && write(out, &byte, 1) == 1) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::array<int, 2> ping{}, pong{};
  if (argc != 2 || !pin_to(std::atoi(argv[1])) || pipe2(ping.data(), O_CLOEXEC) != 0 ||
      pipe2(pong.data(), O_CLOEXEC) != 0) {
    std::fprintf(stderr, "usage: bench_ping_pong CPU\n");
    return 2;
  }
  if (fork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ping[1]);
    answer_for_ever(ping[0], pong[1]);
    _exit(0);
  }
  if (write(ping[1], "", 1) == 1) answer_for_ever(pong[0], ping[1]);
  return 1;
}
