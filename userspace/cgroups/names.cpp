#include "cgroups/names.h"

#include <dirent.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/handle.h"

namespace kpulse::cgroups {
namespace {

/// Of the root of every hierarchy.
constexpr std::uint64_t kRootId = 1;

void close_folder(DIR* folder) noexcept {
  closedir(folder);
}

/// A cgroup's id is the inode number of its folder (kernfs, 64-bit kernels).
std::uint64_t id_of(const std::string& folder) {
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

Walk Names::walk(const std::string& mount) {
  Walk walk{.ids = {}, .complete = !mount.empty(), .from_root = false};
  if (mount.empty()) return walk;
  const std::uint64_t id = id_of(mount);
  walk.from_root = id == kRootId;
  walk.ids.insert(id);
  set(id, "/");
  walk_folder(mount, "", walk);
  return walk;
}

/// One that is removed while we walk is not there, and the others still are.
void Names::walk_folder(const std::string& mount, const std::string& path, Walk& walk) {
  const Handle<DIR, close_folder> folder(opendir((mount + path).c_str()));
  if (!folder) {
    walk.complete = walk.complete && errno == ENOENT;
    return;
  }
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
    const std::string inner = path + "/" + std::string(name);
    walk.ids.insert(entry->d_ino);
    set(entry->d_ino, inner);
    walk_folder(mount, inner, walk);
  }
}

}  // namespace kpulse::cgroups
