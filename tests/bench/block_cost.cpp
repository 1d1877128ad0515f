// block-cost: what the block probe costs each I/O. As the kernel itself counts it (bpf_stats), less an empty program
// for each run, in both modes (block = full, lite), beside the classic way; and what fio makes of it: IOPS with the
// probe and without. Random reads of a loop device over a file in memory, which is faster than any disk: one at a time,
// as fio does unless told otherwise, and so many at once that both CPUs do nothing else. fio runs all the time while
// the programs come and go, half a second each, and each is compared with what was measured right before and after it:
// the machine may change its speed from one minute to the next.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sched.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/handle.h"
#include "bench/median.h"
#include "block_reference.skel.h"
#include "kernel/block_device.h"
#include "kernel/block_watch.h"
#include "kernel/watch.h"
#include "support/process.h"

namespace {

using namespace kpulse;
constexpr int kRounds = 11;
constexpr int kCostRounds = 21;
constexpr int kManyAtOnce = 16;
constexpr std::chrono::milliseconds kTurn(500);
constexpr std::chrono::milliseconds kWarmUp(1'000);

using bench::median;

bpf_prog_info info_of(int program) {
  bpf_prog_info info{};
  __u32 size = sizeof(info);
  bpf_obj_get_info_by_fd(program, &info, &size);
  return info;
}

/// A file in memory.
struct Backing {
  Backing() {
    std::ofstream file(path());
    file.close();
    std::filesystem::resize_file(path(), 256U << 20U);
  }
  [[nodiscard]] std::filesystem::path path() const { return folder.path() / "disk"; }

  test::TempDir folder;
};

class Disk {
 public:
  Disk() : loop_(backing_.path()) { test::set_scheduler(loop_.name(), "none"); }

  [[nodiscard]] std::string path() const { return loop_.path(); }
  [[nodiscard]] std::uint64_t reads() const { return test::disk_stat(loop_.name())[test::DiskStat::kReads]; }

 private:
  Backing backing_;
  test::LoopDevice loop_;
};

/// fio, as long as this is.
class Load {
 public:
  Load(const Disk& disk, int depth)
      : fio_(test::Process::spawn({"fio", "--name=kp", "--filename=" + disk.path(), "--direct=1", "--bs=4k", "--thread",
                                   "--ioengine=libaio", "--rw=randread", "--iodepth=" + std::to_string(depth),
                                   "--size=256M", "--time_based", "--runtime=3600"})) {
    std::this_thread::sleep_for(kWarmUp);
    if (!fio_.running()) throw std::runtime_error("fio ended at once");
  }

 private:
  test::Process fio_;
};

/// Reads a second during one turn.
double iops(const Disk& disk) {
  const std::uint64_t began = monotonic_ns(), before = disk.reads();
  std::this_thread::sleep_for(kTurn);
  const std::uint64_t reads = disk.reads() - before;
  return static_cast<double>(reads) * 1e9 / static_cast<double>(monotonic_ns() - began);
}

test::BlockWatch watch_in_mode(const char* mode) {
  return test::BlockWatch(std::chrono::milliseconds(10), {.block = mode});
}

double iops_with_probe(const Disk& disk, const char* mode) {
  test::BlockWatch watch = watch_in_mode(mode);
  double measured = 0;
  watch.during([&] { measured = iops(disk); });
  return measured;
}

enum class Reference { classic, empty };

/// The classic way, or programs that do nothing in the same three places.
class ReferencePrograms {
 public:
  explicit ReferencePrograms(Reference kind) : skeleton_(block_reference_bpf__open()) {
    auto& programs = skeleton_->progs;
    const auto choose = [&](std::array<bpf_program*, 3> three, Reference of) {
      for (bpf_program* program : three) bpf_program__set_autoload(program, kind == of);
      if (kind == of) chosen_ = three;
    };
    choose({programs.ref_empty_start, programs.ref_empty_issue, programs.ref_empty_complete}, Reference::empty);
    choose({programs.ref_start, programs.ref_issue, programs.ref_complete}, Reference::classic);
    if (block_reference_bpf__load(skeleton_.get()) != 0 || block_reference_bpf__attach(skeleton_.get()) != 0) {
      throw std::runtime_error("cannot attach the reference programs");
    }
  }
  [[nodiscard]] std::vector<int> fds() const {
    std::vector<int> fds;
    for (const bpf_program* program : chosen_) fds.push_back(bpf_program__fd(program));
    return fds;
  }

 private:
  Handle<block_reference_bpf, block_reference_bpf__destroy> skeleton_;
  std::array<bpf_program*, 3> chosen_{};
};

double iops_with(const Disk& disk, Reference kind) {
  const ReferencePrograms programs(kind);
  return iops(disk);
}

/// Time in a program and how often it ran.
struct Cost {
  double time_ns = 0, runs = 0;

  Cost operator-(const Cost& before) const { return {.time_ns = time_ns - before.time_ns, .runs = runs - before.runs}; }
};

Cost cost_of(int program) {
  const bpf_prog_info info = info_of(program);
  return {.time_ns = static_cast<double>(info.run_time_ns), .runs = static_cast<double>(info.run_cnt)};
}

std::vector<Cost> costs_of(const std::vector<int>& programs) {
  std::vector<Cost> costs;
  std::ranges::transform(programs, std::back_inserter(costs), cost_of);
  return costs;
}

/// Of each program in one turn, for each I/O, less `empty` for each run.
std::vector<double> per_io(const Disk& disk, const std::vector<int>& programs, double empty) {
  const std::uint64_t reads = disk.reads();
  const std::vector<Cost> before = costs_of(programs);
  std::this_thread::sleep_for(kTurn);
  const std::vector<Cost> after = costs_of(programs);
  const auto ios = static_cast<double>(disk.reads() - reads);
  std::vector<double> net;
  std::ranges::transform(after, before, std::back_inserter(net), [&](const Cost& now, const Cost& then) {
    const Cost cost = now - then;
    return (cost.time_ns - empty * cost.runs) / ios;
  });
  return net;
}

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

/// A run of a program that does nothing.
double measure_empty() {
  const ReferencePrograms programs(Reference::empty);
  std::this_thread::sleep_for(kTurn);
  Cost sum;
  for (const Cost& cost : costs_of(programs.fds())) {
    sum.time_ns += cost.time_ns;
    sum.runs += cost.runs;
  }
  return sum.time_ns / sum.runs;
}

double measure_classic(const Disk& disk, double empty) {
  const ReferencePrograms programs(Reference::classic);
  return sum(per_io(disk, programs.fds(), empty));
}

/// By program, too.
double measure_probe(const Disk& disk, const char* mode, double empty,
                     std::map<std::string, std::vector<double>>& programs) {
  test::BlockWatch watch = watch_in_mode(mode);
  const std::vector<int> fds = watch.probe().program_fds();
  std::vector<double> costs;
  watch.during([&] { costs = per_io(disk, fds, empty); });
  for (std::size_t index = 0; index < fds.size(); ++index) programs[info_of(fds[index]).name].push_back(costs[index]);
  return sum(costs);
}

void tell(const std::string& name, double value, const char* unit) {
  fmt::print(R"({{"name":"{}","value":{:.2f},"unit":"{}"}})"
             "\n",
             name, value, unit);
}

bool report(const char* name, double value, const char* unit, const char* target, bool pass) {
  fmt::print(R"({{"name":"{}","value":{:.2f},"unit":"{}","target":"{}","pass":{}}})"
             "\n",
             name, value, unit, target, pass);
  return pass;
}

bool measure_ns(const Disk& disk) {
  const FileDescriptor statistics(bpf_enable_stats(BPF_STATS_RUN_TIME));
  const Load load(disk, kManyAtOnce);
  std::vector<double> empties, probes, lites, classics, ratios, parts;
  std::map<std::string, std::vector<double>> programs, lite_programs;
  double classic = 0;
  for (int round = 0; round < kCostRounds; ++round) {
    empties.push_back(measure_empty());
    if (round == 0) classic = measure_classic(disk, empties.back());
    probes.push_back(measure_probe(disk, "full", empties.back(), programs));
    lites.push_back(measure_probe(disk, "lite", empties.back(), lite_programs));
    parts.push_back(lites.back() / probes.back());
    classics.push_back(measure_classic(disk, empties.back()));
    ratios.push_back((std::exchange(classic, classics.back()) + classics.back()) / 2 / probes.back());
  }
  tell("block-cost.empty", median(empties), "ns/run");
  tell("block-cost.ns", median(probes), "ns/IO");
  tell("block-cost.lite-ns", median(lites), "ns/IO");
  tell("block-cost.classic-ns", median(classics), "ns/IO");
  for (const auto& [name, values] : programs) {
    if (median(values) > 0) tell("block-cost." + name, median(values), "ns/IO");
  }
  const bool half = report("block-cost.lite", median(parts), "of block-cost.ns", "<= 0.5", median(parts) <= 0.5);
  return report("block-cost.classic-ratio", median(ratios), "times", ">= 3", median(ratios) >= 3) && half;
}

/// Keeps the CPUs from sleeping. Waking one up takes longer than an I/O, and whatever else runs now and then, such as a
/// probe that looks at its buffers, spares fio some of it: fio would be faster with it than without.
class Awake {
 public:
  Awake() {
    for (unsigned cpu = 0; cpu < std::thread::hardware_concurrency(); ++cpu) {
      threads_.emplace_back([](const std::stop_token& stop) {
        const sched_param parameters{};
        sched_setscheduler(0, SCHED_IDLE, &parameters);
        while (!stop.stop_requested()) {
        }
      });
    }
  }

 private:
  std::vector<std::jthread> threads_;
};

/// % of IOPS, compared with what was read right before and after.
struct Losses {
  double probe, lite, classic, empty;
};

Losses measure_losses(const Disk& disk, int depth) {
  const Load load(disk, depth);
  std::vector<double> probe, lite, classic, empty;
  double without = iops(disk);
  const auto lose = [&](std::vector<double>& losses, double with) {
    const double after = iops(disk);
    losses.push_back(100 * (1 - with / ((without + after) / 2)));
    without = after;
  };
  for (int round = 0; round < kRounds; ++round) {
    lose(probe, iops_with_probe(disk, "full"));
    lose(lite, iops_with_probe(disk, "lite"));
    lose(classic, iops_with(disk, Reference::classic));
    lose(empty, iops_with(disk, Reference::empty));
  }
  return {.probe = median(probe), .lite = median(lite), .classic = median(classic), .empty = median(empty)};
}

void measure_iops(const Disk& disk) {
  const Losses crowded = measure_losses(disk, kManyAtOnce);
  tell("block-cost.saturated.empty-programs", crowded.empty, "% of IOPS");
  tell("block-cost.saturated.classic", crowded.classic, "% of IOPS");
  tell("block-cost.saturated.lite", crowded.lite, "% of IOPS");
  tell("block-cost.saturated", crowded.probe, "% of IOPS");
  const Awake awake;
  const Losses single = measure_losses(disk, 1);
  tell("block-cost.empty-programs", single.empty, "% of IOPS");
  tell("block-cost.classic", single.classic, "% of IOPS");
  tell("block-cost.iops-lite", single.lite, "% of IOPS");
  tell("block-cost.iops", single.probe, "% of IOPS");
}

}  // namespace

int main() {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("block-cost"));  // stdout is for the report
  std::string missing = test::missing_for_bpf();
  if (missing.empty()) missing = test::missing_for_nbd();
  if (!missing.empty()) {
    fmt::print(stderr, "block-cost: {}\n", missing);
    return 77;
  }
  setenv("TMPDIR", "/dev/shm", 1);
  const Disk disk;
  const bool cheap = measure_ns(disk);
  measure_iops(disk);
  return cheap ? 0 : 1;
}
