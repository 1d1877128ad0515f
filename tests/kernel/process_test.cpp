// The process table against what a process knows of itself.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>

#include "base/clock.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
namespace id = ids::process;

constexpr std::uint64_t kSecond = 1'000'000'000;
/// All processes have rows: beside a load one may be none of those that used most in a second, and its part of it is in
/// none.
const probes::ProbeSettings kAll{.top_processes = 1'000};

/// Sums of the rows that name a process, by resource and field.
class Rows {
 public:
  explicit Rows(pid_t pid) : pid_(static_cast<std::uint32_t>(pid)) {}

  void take(const Frame& frame) {
    const auto of_processes = [](const Series& series) { return series.measurement == ids::kProcess; };
    readings_ += std::ranges::any_of(frame.series, of_processes) ? 1 : 0;
    for (const Series& series : frame.series) {
      if (series.measurement != ids::kProcess) continue;
      std::map<std::uint32_t, std::uint64_t> fields;
      for (const Column& column : series.columns) fields[column.field] = column.values.at(0);
      const Task& task = frame.tasks.at(fields.at(id::kTask) - 1);
      if (task.pid != pid_) continue;
      comm_ = task.comm;
      for (const auto& [field, value] : fields) sums_[series.tags.at(1)][field] += value;
    }
  }

  [[nodiscard]] std::uint64_t sum(const std::string& resource, std::uint32_t field) const {
    const auto found = sums_.find(resource);
    return found == sums_.end() || !found->second.contains(field) ? 0 : found->second.at(field);
  }
  [[nodiscard]] const std::string& comm() const { return comm_; }
  [[nodiscard]] int readings() const { return readings_; }

 private:
  std::uint32_t pid_;
  std::string comm_;
  int readings_ = 0;
  std::map<std::string, std::map<std::uint32_t, std::uint64_t>> sums_;
};

/// Until the child says that it is done (mark_count), and all that it used until then was read. From then on no rows
/// are taken: there may be a reading when the child has looked at its account for the last time and is not gone.
void read_after_its_work(Watch& watch, Rows& rows, const Child& child) {
  watch.on_frame([&](const Frame& frame) { rows.take(frame); });
  ASSERT_TRUE(watch.run_until([&] { return child.account().mark_count > 0; }));
  const int before = rows.readings();
  ASSERT_TRUE(watch.run_until([&] { return rows.readings() >= before + 2; }));
  watch.on_frame({});
}

TEST(Processes, CpuTimeAndWaitOfATaskFromItsForkOnAreThoseOfItsOwnAccount) {
  KPULSE_NEED_BPF();
  Watch watch(10ms, probes::make_probes(), kAll);
  const Shared<std::atomic<bool>> read_again;
  const std::uint64_t end = wall_ns() + 5 * kSecond;
  Child spinner({.name = "kp_table", .cpu = test_cpu()}, [&](Account& account) {
    spin_until(end);
    account.marks[0] = own_run_ns();
    account.marks[1] = own_wait_ns();
    account.mark_count = 1;
    while (!*read_again) usleep(20'000);  // read while it sleeps: a task that runs has an account that is a tick old
    account.marks[2] = own_run_ns();
    account.marks[3] = own_wait_ns();
  });
  Rows rows(spinner.pid());
  read_after_its_work(watch, rows, spinner);
  *read_again = true;
  ASSERT_TRUE(watch.run_until([&] { return spinner.finished(); }));
  const auto& marks = spinner.account().marks;
  EXPECT_EQ(rows.comm(), "kp_table");
  EXPECT_GE(rows.sum("cpu", id::kCpu), marks[0]);
  EXPECT_LE(rows.sum("cpu", id::kCpu), marks[2]);
  // In a second in which it waited and did not run it is in the rows of those that waited only.
  EXPECT_GE(rows.sum("wait", id::kWait), marks[1]);
  EXPECT_LE(rows.sum("wait", id::kWait), marks[3]);
}

/// Of the calling process.
std::uint64_t own_minor_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt);
}

TEST(Processes, FaultsAreThoseOfTheProcess) {
  KPULSE_NEED_BPF();
  constexpr std::size_t kPages = 8'192;
  Watch watch(10ms, probes::make_probes(), kAll);
  const Shared<std::atomic<bool>> read_again;
  Child child({.name = "kp_faults", .cpu = test_cpu()}, [&](Account& account) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    auto* memory =
        static_cast<char*>(mmap(nullptr, kPages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    madvise(memory, kPages * page, MADV_NOHUGEPAGE);
    for (std::size_t index = 0; index < kPages; ++index) memory[index * page] = 1;
    account.marks[0] = own_minor_faults();
    account.mark_count = 1;
    while (!*read_again) usleep(20'000);
    account.marks[1] = own_minor_faults();
  });
  Rows rows(child.pid());
  read_after_its_work(watch, rows, child);
  *read_again = true;
  ASSERT_TRUE(watch.run_until([&] { return child.finished(); }));
  const auto& marks = child.account().marks;
  EXPECT_GE(marks[0], kPages);
  EXPECT_GE(rows.sum("faults", id::kMinorFaults), marks[0]);
  EXPECT_LE(rows.sum("faults", id::kMinorFaults), marks[1]);
}

}  // namespace
}  // namespace kpulse::test
