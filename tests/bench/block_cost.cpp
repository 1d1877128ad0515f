// block-cost: what the block probe costs each I/O. As the kernel itself counts it (bpf_stats), less an empty program
// for each run, beside the classic way in the same run; and what fio makes of it: IOPS with the probe and without, turn
// by turn. Random reads of a loop device over a file in memory, which is faster than any disk: one at a time, as fio
// does unless told otherwise, and so many at once that both CPUs do nothing else.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sched.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/handle.h"
#include "bench/median.h"
#include "block_reference.skel.h"
#include "kernel/block_device.h"
#include "kernel/block_watch.h"
#include "kernel/watch.h"

namespace {

using namespace kpulse;
using bench::median;
using Reference = Handle<block_reference_bpf, block_reference_bpf__destroy>;

constexpr int kRounds = 5;
constexpr int kManyAtOnce = 16;

/// Time in a program and how often it ran.
struct Cost {
  std::uint64_t time_ns = 0, runs = 0;
};

Cost cost_of(int program) {
  bpf_prog_info info{};
  __u32 size = sizeof(info);
  bpf_obj_get_info_by_fd(program, &info, &size);
  return {.time_ns = info.run_time_ns, .runs = info.run_cnt};
}

std::string name_of(int program) {
  bpf_prog_info info{};
  __u32 size = sizeof(info);
  bpf_obj_get_info_by_fd(program, &info, &size);
  return info.name;
}

/// Time of a set of programs for each of so many I/Os, less `empty` for each run.
double per_io(const std::vector<int>& programs, std::uint64_t ios, double empty) {
  double time = 0;
  for (const int program : programs) {
    const Cost cost = cost_of(program);
    time += static_cast<double>(cost.time_ns) - empty * static_cast<double>(cost.runs);
  }
  return time / static_cast<double>(ios);
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
  Disk() : loop_(backing_.path()) {
    test::set_scheduler(loop_.name(), "none");
    read(1);  // warm
  }

  /// Reads for so many seconds and returns what fio said.
  test::FioResult read(int seconds, int depth = kManyAtOnce) {
    const test::FioResult result =
        test::fio(loop_.path(), {"--rw=randread", "--iodepth=" + std::to_string(depth), "--size=256M", "--time_based",
                                 "--runtime=" + std::to_string(seconds)});
    if (result.status != 0) throw std::runtime_error("fio: " + result.output);
    return result;
  }
  [[nodiscard]] const std::string& name() const { return loop_.name(); }

 private:
  Backing backing_;
  test::LoopDevice loop_;
};

Reference load_reference(bool classic) {
  Reference reference(block_reference_bpf__open());
  auto& programs = reference->progs;
  bpf_program__set_autoload(programs.ref_empty, !classic);
  for (bpf_program* program : {programs.ref_start, programs.ref_issue, programs.ref_complete}) {
    bpf_program__set_autoload(program, classic);
  }
  if (block_reference_bpf__load(reference.get()) != 0 || block_reference_bpf__attach(reference.get()) != 0) {
    throw std::runtime_error("cannot attach the reference programs");
  }
  return reference;
}

double measure_empty(Disk& disk) {
  const Reference reference = load_reference(false);
  disk.read(1);
  const int program = bpf_program__fd(reference->progs.ref_empty);
  return per_io({program}, cost_of(program).runs, 0);
}

double measure_classic(Disk& disk, double empty) {
  const Reference reference = load_reference(true);
  const std::uint64_t ios = disk.read(1).reads;
  const auto& programs = reference->progs;
  return per_io({bpf_program__fd(programs.ref_start), bpf_program__fd(programs.ref_issue),
                 bpf_program__fd(programs.ref_complete)},
                ios, empty);
}

/// By program, too.
double measure_probe(Disk& disk, double empty, std::map<std::string, std::vector<double>>& programs) {
  test::BlockWatch watch;
  std::uint64_t ios = 0;
  watch.during([&] { ios = disk.read(1).reads; });
  for (const int program : watch.probe().program_fds()) {
    programs[name_of(program)].push_back(per_io({program}, ios, empty));
  }
  return per_io(watch.probe().program_fds(), ios, empty);
}

double iops_with(Disk& disk, int depth) {
  test::BlockWatch watch;
  double iops = 0;
  watch.during([&] { iops = static_cast<double>(disk.read(3, depth).reads); });
  return iops;
}

bool report(const char* name, double value, const char* unit, const char* target, bool pass) {
  fmt::print(R"({{"name":"{}","value":{:.2f},"unit":"{}","target":"{}","pass":{}}})"
             "\n",
             name, value, unit, target, pass);
  return pass;
}

bool measure_ns(Disk& disk) {
  const FileDescriptor statistics(bpf_enable_stats(BPF_STATS_RUN_TIME));
  std::vector<double> empties, probes, classics, ratios;
  std::map<std::string, std::vector<double>> programs;
  for (int round = 0; round < kRounds; ++round) {
    empties.push_back(measure_empty(disk));
    probes.push_back(measure_probe(disk, empties.back(), programs));
    classics.push_back(measure_classic(disk, empties.back()));
    ratios.push_back(classics.back() / probes.back());
  }
  fmt::print(R"({{"name":"block-cost.empty","value":{:.1f},"unit":"ns/run"}})"
             "\n"
             R"({{"name":"block-cost.ns","value":{:.1f},"unit":"ns/IO"}})"
             "\n"
             R"({{"name":"block-cost.classic-ns","value":{:.1f},"unit":"ns/IO"}})"
             "\n",
             median(empties), median(probes), median(classics));
  for (const auto& [name, values] : programs) {
    if (median(values) > 0)
      fmt::print(R"({{"name":"block-cost.{}","value":{:.1f},"unit":"ns/IO"}})"
                 "\n",
                 name, median(values));
  }
  return report("block-cost.classic-ratio", median(ratios), "times", ">= 3", median(ratios) >= 3);
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

struct Losses {
  double probe, classic;  // % of IOPS
};

Losses measure_losses(Disk& disk, int depth) {
  std::vector<double> probe, classic;
  const auto iops = [&] { return static_cast<double>(disk.read(3, depth).reads); };
  for (int round = 0; round < kRounds; ++round) {
    const double before = iops(), with = iops_with(disk, depth), after = iops();
    probe.push_back(100 * (1 - with / ((before + after) / 2)));
    const Reference reference = load_reference(true);
    classic.push_back(100 * (1 - iops() / after));
  }
  return {.probe = median(probe), .classic = median(classic)};
}

void tell(const char* name, double value) {
  fmt::print(R"({{"name":"{}","value":{:.2f},"unit":"% of IOPS"}})"
             "\n",
             name, value);
}

bool measure_iops(Disk& disk) {
  const Losses crowded = measure_losses(disk, kManyAtOnce);
  tell("block-cost.saturated.classic", crowded.classic);
  tell("block-cost.saturated", crowded.probe);
  const Awake awake;
  const Losses single = measure_losses(disk, 1);
  tell("block-cost.classic", single.classic);
  return report("block-cost", single.probe, "% of IOPS", "<= 2", single.probe <= 2);
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
  Disk disk;
  const bool cheap = measure_ns(disk);
  const bool fast = measure_iops(disk);
  return cheap && fast ? 0 : 1;
}
