#include "cgroups/names.h"

#include <sys/stat.h>

#include <filesystem>
#include <system_error>

namespace kpulse::cgroups {
namespace {

namespace fs = std::filesystem;

/// A cgroup's id is the inode number of its folder (kernfs, 64-bit kernels).
std::uint64_t id_of(const fs::path& folder) {
  struct stat status {};
  return ::stat(folder.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

void Names::set(std::uint64_t id, std::string_view path) {
  constexpr std::string_view kCut = "...";
  if (path.empty() || (names_.size() >= kMaxNames && !names_.contains(id))) return;
  std::string& name = names_[id];
  if (path.size() <= kMaxName) {
    name = path;
  } else {
    name.assign(kCut).append(path.substr(path.size() - (kMaxName - kCut.size())));
  }
}

std::string_view Names::find(std::uint64_t id) const {
  const auto found = names_.find(id);
  return found == names_.end() ? std::string_view() : std::string_view(found->second);
}

std::unordered_set<std::uint64_t> Names::walk(const std::string& mount) {
  std::unordered_set<std::uint64_t> seen;
  const auto add = [&](std::uint64_t id, std::string_view path) {
    if (id == 0) return;
    set(id, path);
    seen.insert(id);
  };
  if (mount.empty()) return seen;
  add(id_of(mount), "/");
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator at(mount, options, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;  // a cgroup that went away while we walked
    if (at->is_directory(ignored)) add(id_of(at->path()), at->path().native().substr(mount.size()));
  }
  return seen;
}

}  // namespace kpulse::cgroups
