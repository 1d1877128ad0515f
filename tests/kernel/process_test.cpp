// The process table against what a process knows of itself.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

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

/// Sums of the rows that name a process, by resource and field.
class Rows {
 public:
  explicit Rows(pid_t pid) : pid_(static_cast<std::uint32_t>(pid)) {}

  void take(const Frame& frame) {
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

 private:
  std::uint32_t pid_;
  std::string comm_;
  std::map<std::string, std::map<std::uint32_t, std::uint64_t>> sums_;
};

TEST(Processes, CpuTimeAndWaitOverTenSecondsEqualSchedstat) {
  KPULSE_NEED_BPF();
  Watch watch(10ms);
  const std::uint64_t end = wall_ns() + 10 * kSecond;
  Child spinner({.name = "kp_table", .cpu = test_cpu()}, [=](Account&) {
    spin_until(end);
    usleep(1'500'000);  // until it has been read once more: its account ends here, its counters do not change any more
  });
  Rows rows(spinner.pid());
  watch.on_frame([&](const Frame& frame) { rows.take(frame); });
  ASSERT_TRUE(watch.run_until([&] { return spinner.finished(); }, 30s));
  EXPECT_EQ(rows.comm(), "kp_table");
  EXPECT_LE(relative_error(rows.sum("cpu", id::kCpu), spinner.account().run_ns), 0.01);
  EXPECT_NEAR(static_cast<double>(rows.sum("cpu", id::kWait)), static_cast<double>(spinner.account().wait_ns), 20e6);
}

TEST(Processes, FaultsAreThoseOfTheProcess) {
  KPULSE_NEED_BPF();
  constexpr std::size_t kPages = 8'192;
  Watch watch(10ms);
  Child child({.name = "kp_faults", .cpu = test_cpu()}, [](Account&) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    auto* memory =
        static_cast<char*>(mmap(nullptr, kPages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    madvise(memory, kPages * page, MADV_NOHUGEPAGE);
    for (std::size_t index = 0; index < kPages; ++index) memory[index * page] = 1;
    usleep(1'500'000);
  });
  Rows rows(child.pid());
  watch.on_frame([&](const Frame& frame) { rows.take(frame); });
  ASSERT_TRUE(watch.run_until([&] { return child.finished(); }, 30s));
  EXPECT_GE(rows.sum("faults", id::kMinorFaults), kPages);
  EXPECT_LE(rows.sum("faults", id::kMinorFaults), kPages + 500);
}

}  // namespace
}  // namespace kpulse::test
