#include "kernel/memory_cgroup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "cgroups/hierarchy.h"

namespace kpulse::test {
namespace {

constexpr const char* kV1Root = "/sys/fs/cgroup/memory";

bool is_v1() {
  return access((std::string(kV1Root) + "/memory.limit_in_bytes").c_str(), W_OK) == 0;
}

std::string root() {
  return is_v1() ? kV1Root : cgroups::this_hierarchy().mount;
}

bool has_v2_controller() {
  std::ifstream file(root() + "/cgroup.subtree_control");
  for (std::string controller; file >> controller;) {
    if (controller == "memory") return true;
  }
  return false;
}

}  // namespace

MemoryCgroup::MemoryCgroup(const std::string& name, std::uint64_t limit)
    : watched_(name), folder_(root() + "/" + name) {
  if (mkdir(folder_.c_str(), 0755) != 0 && errno != EEXIST)
    throw std::runtime_error(folder_ + ": " + std::strerror(errno));
  if (limit != 0) write(is_v1() ? "memory.limit_in_bytes" : "memory.max", std::to_string(limit));
}

MemoryCgroup::~MemoryCgroup() {
  for (int attempt = 0; rmdir(folder_.c_str()) != 0 && errno == EBUSY && attempt < 1'000; ++attempt) usleep(1'000);
}

void MemoryCgroup::join() const {
  watched_.join();
  write("cgroup.procs", "0");
}

std::uint64_t MemoryCgroup::stat(const std::string& key) const {
  std::ifstream file(folder_ + "/memory.stat");
  std::string word;
  for (std::uint64_t value = 0; file >> word >> value;) {
    if (word == key) return value;
  }
  throw std::runtime_error("no " + key + " in " + folder_ + "/memory.stat");
}

std::uint64_t MemoryCgroup::id() const {
  struct stat info {};
  return ::stat((cgroups::this_hierarchy().mount + watched_.path()).c_str(), &info) == 0 ? info.st_ino : 0;
}

void MemoryCgroup::write(const char* file, const std::string& text) const {
  std::ofstream out(folder_ + "/" + file);
  out << text << std::flush;
  if (!out.good()) throw std::runtime_error("cannot write " + folder_ + "/" + file);
}

std::string missing_for_memcg() {
  if (std::string missing = missing_for_cgroups(); !missing.empty()) return missing;
  return is_v1() || has_v2_controller() ? "" : "no cgroup hierarchy with a memory controller that tests may use";
}

}  // namespace kpulse::test
