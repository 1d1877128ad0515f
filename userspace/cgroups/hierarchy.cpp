#include "cgroups/hierarchy.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <vector>

namespace kpulse::cgroups {
namespace {

std::string read_all(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool has_word(std::string_view text, std::string_view word) {
  std::istringstream words{std::string(text)};
  return std::find(std::istream_iterator<std::string>(words), {}, word) != std::istream_iterator<std::string>();
}

struct Mount {
  std::string folder, type, options;
};

std::string find_mount(std::string_view mounts, const std::function<bool(const Mount&)>& wanted) {
  for (const std::string& line : split(mounts, '\n')) {
    Mount mount;
    std::string device;
    std::istringstream(line) >> device >> mount.folder >> mount.type >> mount.options;
    if (wanted(mount)) return mount.folder;
  }
  return {};
}

std::string controller_mount(std::string_view mounts, std::string_view controller) {
  return find_mount(mounts, [&](const Mount& mount) {
    const auto options = split(mount.options, ',');
    return mount.type == "cgroup" && std::ranges::find(options, controller) != options.end();
  });
}

int hierarchy_number(std::string_view proc_cgroups, std::string_view controller) {
  for (const std::string& line : split(proc_cgroups, '\n')) {
    std::string name;
    int number = 0;
    std::istringstream(line) >> name >> number;
    if (name == controller) return number;
  }
  return 0;
}

}  // namespace

std::string default_mount(std::string_view mounts) {
  return find_mount(mounts, [](const Mount& mount) { return mount.type == "cgroup2"; });
}

Hierarchy choose_hierarchy(std::string_view mounts, std::string_view proc_cgroups, std::string_view controllers) {
  const std::string unified = default_mount(mounts);
  const bool in_use = has_word(controllers, "cpu") || has_word(controllers, "memory");
  if (!unified.empty() && in_use) return {.mount = unified, .controller = {}};
  for (const std::string_view controller : {"memory", "cpuacct"}) {
    const std::string folder = controller_mount(mounts, controller);
    const int number = hierarchy_number(proc_cgroups, controller);
    if (!folder.empty() && number != 0)
      return {.mount = folder, .controller = std::string(controller), .number = number};
  }
  return {.mount = unified, .controller = {}};
}

Hierarchy this_hierarchy() {
  const std::string mounts = read_all("/proc/self/mounts");
  return choose_hierarchy(mounts, read_all("/proc/cgroups"), read_all(default_mount(mounts) + "/cgroup.controllers"));
}

}  // namespace kpulse::cgroups
