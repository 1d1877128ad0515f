// CPUs that come after the agent was started.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <deque>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "base/clock.h"
#include "base/handle.h"
#include "kernel/watch.h"
#include "kernel/workload.h"
#include "model/ids.h"
#include "probes/memory/memory_probe.h"
#include "probes/sched/sched_probe.h"

namespace kpulse::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

#define KPULSE_NEED_ANOTHER_CPU() \
  KPULSE_NEED_BPF();              \
  if (test_cpu() == 0) GTEST_SKIP() << "needs a second CPU"

/// What is logged as long as this lives.
class Log {
 public:
  Log() { spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink_)); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log() { spdlog::set_default_logger(before_); }
  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  std::ostringstream text_;
  std::shared_ptr<spdlog::sinks::ostream_sink_mt> sink_ = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_);
};

TEST(Cpus, OneThatCameLateIsNamedAndItsSwitchesAreCounted) {
  KPULSE_NEED_ANOTHER_CPU();
  const Log log;
  std::vector<std::unique_ptr<probes::Probe>> all;
  all.push_back(std::make_unique<probes::SchedProbe>());
  auto started = agent::Sampler::start({.host = "test", .cpus = 1}, std::move(all));
  ASSERT_TRUE(started) << started.error().message;
  agent::Sampler& sampler = **started;
  const std::uint64_t before = sampler.intake().switches_unmeasured;
  Child sleeper({.name = "kp_sleeper", .cpu = test_cpu()}, [](Account&) {
    for (int nap = 0; nap < 500; ++nap) usleep(100);
  });
  while (!sleeper.finished()) usleep(1'000);
  const std::uint64_t wall = wall_ns();
  sampler.drain(wall);
  sampler.drain(wall);
  EXPECT_GE(sampler.intake().switches_unmeasured - before, 500U);
  const std::string name = "CPU " + std::to_string(test_cpu()) + " came after the agent was started";
  ASSERT_THAT(log.text(), HasSubstr(name));
  EXPECT_EQ(log.text().find(name), log.text().rfind(name)) << "it was said twice";
  const auto frame = sampler.rest(wall);
  ASSERT_TRUE(frame);
  for (const Series& series : frame->series) {
    EXPECT_TRUE(series.measurement != ids::kSched || series.tags.at(0) == "0") << series.tags.at(0);
  }
}

/// A file of which no page is cached, and faults on it.
class Uncached {
 public:
  Uncached() {
    const std::string path = "/var/tmp/kp_uncached_" + std::to_string(getpid());
    std::ofstream(path) << std::string(kBytes, 'x') << std::flush;
    file_ = FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    unlink(path.c_str());
    fsync(file_.get());
  }

  /// A child has major faults on a CPU; returns how many.
  [[nodiscard]] std::uint64_t fault_on(int cpu) const {
    Child reader({.name = "kp_major", .cpu = cpu}, [this](Account& account) {
      posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED);
      auto* memory = static_cast<char*>(mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, file_.get(), 0));
      madvise(memory, kBytes, MADV_RANDOM);
      rusage before{}, after{};
      getrusage(RUSAGE_SELF, &before);
      for (std::size_t at = 0; at < kBytes; at += 1U << 16U)
        static_cast<void>(*const_cast<volatile char*>(memory + at));
      getrusage(RUSAGE_SELF, &after);
      account.marks[0] = static_cast<std::uint64_t>(after.ru_majflt - before.ru_majflt);
    });
    while (!reader.finished()) usleep(1'000);
    return reader.account().marks[0];
  }

 private:
  static constexpr std::size_t kBytes = 8U << 20U;
  FileDescriptor file_;
};

TEST(Cpus, MajorFaultsOfOneThatComesOnlineAreCounted) {
  KPULSE_NEED_ANOTHER_CPU();
  const Uncached file;
  std::vector<std::unique_ptr<probes::Probe>> all;
  all.push_back(std::make_unique<probes::SchedProbe>());
  all.push_back(std::make_unique<probes::MemoryProbe>());
  probes::Probe& memory = *all.back();
  Watch watch(10ms, std::move(all));
  watch.run_for(50ms);
  const auto counted = [&] { return watch.total(ids::kMemory, "", ids::memory::kMajorFaults); };
  memory.follow_cpus(std::array{std::uint32_t{0}});
  const std::uint64_t before = counted();
  if (file.fault_on(test_cpu()) == 0) GTEST_SKIP() << "/var/tmp does not let go of its page cache";
  watch.catch_up();
  ASSERT_LE(counted() - before, 10U) << "there is still an event on the CPU";
  watch.run_for(1100ms);  // the sampler looks once a second
  const std::uint64_t then = counted();
  const std::uint64_t truth = file.fault_on(test_cpu());
  watch.catch_up();
  EXPECT_GE(counted() - then, truth);
}

TEST(Cpus, TheRunQueueOfOneThatWasOfflineWhenTheProbeCameIsSeen) {
  KPULSE_NEED_ANOTHER_CPU();
  if (!emulated()) GTEST_SKIP() << "switches a CPU off: only in a machine of its own";
  const int cpu = test_cpu();
  const PinnedTo other_cpu(0);
  const Offline offline(cpu);
  ASSERT_EQ(sysconf(_SC_NPROCESSORS_ONLN), cpu);
  auto probe = std::make_unique<probes::SchedProbe>();
  const probes::SchedProbe& sched = *probe;
  std::vector<std::unique_ptr<probes::Probe>> all;
  all.push_back(std::move(probe));
  Watch watch(10ms, std::move(all));
  offline.end();
  const Shared<volatile bool> enough;
  std::deque<Child> spinners;
  for (int number = 0; number < 3; ++number) {
    spinners.emplace_back(ChildOptions{.name = "kp_spinner", .cpu = cpu}, [&](Account&) {
      while (!*enough) {
      }
    });
  }
  // In its own run queue: who looks through all tasks finds them in any case.
  EXPECT_TRUE(watch.run_until([&] { return sched.looked(static_cast<std::size_t>(cpu)).runnable >= spinners.size(); }));
  *enough = true;
}

}  // namespace
}  // namespace kpulse::test
