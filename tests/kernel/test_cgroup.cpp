#include "kernel/test_cgroup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "base/clock.h"
#include "cgroups/hierarchy.h"
#include "kernel/workload.h"

namespace kpulse::test {
namespace {

constexpr std::uint64_t kRemoveLimitNs = 5'000'000'000;

bool exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

/// Where the test's cgroups are made: the watched hierarchy first.
std::vector<std::string> mounts() {
  std::vector<std::string> folders{cgroups::this_hierarchy().mount};
  std::ifstream file("/proc/self/mounts");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string device, folder, type, options;
    words >> device >> folder >> type >> options;
    const std::string list = "," + options + ",";
    const bool wanted = list.find(",cpu,") != std::string::npos || list.find(",cpuacct,") != std::string::npos;
    if (type == "cgroup" && wanted && std::ranges::find(folders, folder) == folders.end()) folders.push_back(folder);
  }
  return folders;
}

bool write_to(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

}  // namespace

TestCgroup::TestCgroup(const std::string& name) : name_(name) {
  for (const std::string& mount : mounts()) {
    const std::string folder = mount + "/" + name;
    if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
      throw std::runtime_error(folder + ": " + std::strerror(errno));
    folders_.push_back(folder);
  }
}

TestCgroup::TestCgroup(TestCgroup&& other) noexcept
    : name_(std::move(other.name_)), folders_(std::exchange(other.folders_, {})) {}

TestCgroup::~TestCgroup() {
  for (const std::string& folder : folders_) rmdir(folder.c_str());
}

void TestCgroup::join(pid_t pid) const {
  for (const std::string& folder : folders_) {
    if (!write_to(folder + "/cgroup.procs", std::to_string(pid))) throw std::runtime_error("cannot join " + folder);
  }
}

bool TestCgroup::set_shares(int shares) const {
  return std::ranges::any_of(folders_, [&](const std::string& folder) {
    if (exists(folder + "/cpu.shares")) return write_to(folder + "/cpu.shares", std::to_string(shares));
    return exists(folder + "/cpu.weight") && write_to(folder + "/cpu.weight", std::to_string(shares));
  });
}

bool TestCgroup::set_quota_us(int quota) const {
  return std::ranges::any_of(folders_, [&](const std::string& folder) {
    if (exists(folder + "/cpu.cfs_quota_us")) return write_to(folder + "/cpu.cfs_quota_us", std::to_string(quota));
    return exists(folder + "/cpu.max") && write_to(folder + "/cpu.max", std::to_string(quota) + " 100000");
  });
}

void TestCgroup::allow_real_time() const {
  for (const std::string& folder : folders_) {
    const std::string file = folder + "/cpu.rt_runtime_us";
    if (!exists(file)) continue;
    // There is 950 ms for all of them, and the kernel takes its time to take back what a removed one had.
    const std::uint64_t deadline = monotonic_ns() + patience_ns();
    while (!write_to(file, "400000")) {
      if (monotonic_ns() > deadline) throw std::runtime_error("cannot write " + file);
      usleep(10'000);
    }
  }
}

std::uint64_t TestCgroup::cpu_ns() const {
  for (const std::string& folder : folders_) {
    std::uint64_t value = 0;
    if (std::ifstream(folder + "/cpuacct.usage") >> value) return value;
    std::ifstream stat(folder + "/cpu.stat");
    for (std::string key; stat >> key >> value;) {
      if (key == "usage_usec") return value * 1000;
    }
  }
  throw std::runtime_error(name_ + ": no accounting of CPU time");
}

std::uint64_t TestCgroup::throttled_ns() const {
  for (const std::string& folder : folders_) {
    std::ifstream stat(folder + "/cpu.stat");
    std::uint64_t value = 0;
    for (std::string key; stat >> key >> value;) {
      if (key == "throttled_time") return value;
      if (key == "throttled_usec") return value * 1000;
    }
  }
  throw std::runtime_error(name_ + ": no account of its quota");
}

std::uint64_t TestCgroup::as_accounted(std::uint64_t cpu_ns) const {
  const bool to_the_ns =
      std::ranges::any_of(folders_, [](const auto& folder) { return exists(folder + "/cpuacct.usage"); });
  return to_the_ns ? cpu_ns : cpu_ns / 1000 * 1000;
}

void TestCgroup::remove() {
  const std::uint64_t deadline = monotonic_ns() + kRemoveLimitNs;
  for (const std::string& folder : folders_) {
    while (rmdir(folder.c_str()) != 0 && errno == EBUSY && monotonic_ns() < deadline) usleep(1'000);
    if (exists(folder)) throw std::runtime_error(folder + " is still in use");
  }
  folders_.clear();
}

std::string name_of(const std::string& what, int number) {
  return "kp_" + what + "_" + std::to_string(getpid()) + "_" + std::to_string(number);
}

std::string missing_for_cgroups() {
  const std::string mount = cgroups::this_hierarchy().mount;
  if (mount.empty()) return "no cgroup hierarchy is mounted";
  return access(mount.c_str(), W_OK) == 0 ? "" : mount + " cannot be written to";
}

}  // namespace kpulse::test
