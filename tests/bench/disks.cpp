// Disks that are read from and written to all the time: zram disks (bio-based), and a loop device (requests) over the
// last of them. Says their names when they are at work; removes them on SIGTERM, SIGINT or at the end of its standard
// input.
//
//   bench_disks ZRAMS
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/handle.h"
#include "bench/end_signal.h"
#include "kernel/block_device.h"

namespace {

using namespace kpulse;

constexpr std::size_t kDiskBytes = 16UL << 20U;
constexpr std::size_t kBlock = 4096;
constexpr std::size_t kMostBlocks = 16;
constexpr int kShortestUs = 5'000, kLongestUs = 15'000;

/// A read or a write of one to sixteen blocks, a pause, and again.
void work(const std::stop_token& stop, const std::string& path) {
  const FileDescriptor disk(open(path.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC));
  alignas(kBlock) std::array<std::byte, kMostBlocks * kBlock> memory{};
  std::minstd_rand random(static_cast<unsigned>(disk.get()));
  std::uniform_int_distribution<int> pause(kShortestUs, kLongestUs);
  std::uniform_int_distribution<std::size_t> blocks(1, kMostBlocks), place(0, kDiskBytes / kBlock - kMostBlocks);
  for (bool write = true; !stop.stop_requested(); write = !write) {
    const std::size_t bytes = blocks(random) * kBlock;
    const auto at = static_cast<off_t>(place(random) * kBlock);
    const ssize_t done =
        write ? pwrite(disk.get(), memory.data(), bytes, at) : pread(disk.get(), memory.data(), bytes, at);
    if (done != static_cast<ssize_t>(bytes)) {
      std::fprintf(stderr, "bench_disks: %s fails\n", path.c_str());
      kill(getpid(), SIGTERM);
      return;
    }
    usleep(static_cast<useconds_t>(pause(random)));
  }
}

void run(int zrams) {
  const bench::EndSignal end;
  std::deque<test::ZramDevice> disks;
  while (disks.size() < static_cast<std::size_t>(zrams)) disks.emplace_back(std::to_string(kDiskBytes));
  const test::LoopDevice loop(disks.back().path());
  std::vector<std::string> names;
  for (const test::ZramDevice& disk : disks) names.push_back(disk.name());
  names.push_back(loop.name());
  std::vector<std::jthread> workers;
  for (const std::string& name : names) {
    if (name != disks.back().name()) workers.emplace_back(work, "/dev/" + name);
  }
  fmt::print("{{\"disks\": [\"{}\"]}}\n", fmt::join(names, "\", \""));
  std::fflush(stdout);
  end.wait();
}

}  // namespace

int main(int argc, char** argv) {
  const int zrams = argc == 2 ? std::atoi(argv[1]) : 0;
  if (zrams <= 0) {
    std::fprintf(stderr, "usage: bench_disks ZRAMS\n");
    return 2;
  }
  try {
    run(zrams);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_disks: %s\n", error.what());
    return 1;
  }
  return 0;
}
