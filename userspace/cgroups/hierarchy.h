// Which cgroup hierarchy names the tasks of this machine.
#pragma once

#include <string>
#include <string_view>

namespace kpulse::cgroups {

/// A mounted hierarchy.
struct Hierarchy {
  std::string mount;       ///< where it is mounted; empty: there is none
  std::string controller;  ///< v1: the controller that names it; empty: the default hierarchy (v2)
  int number = 0;          ///< as /proc/cgroups has it; 0 is the default one
};

/// A task can be in a different cgroup of every v1 hierarchy; one has to be chosen:
///   1. the default hierarchy (v2) when the cpu or memory controller is in it,
///   2. else that of the v1 controller memory, which systemd and container engines set for all they start, or cpuacct,
///   3. else the default hierarchy without controllers.
/// `mounts` is the text of /proc/self/mounts, `proc_cgroups` of /proc/cgroups, `controllers` of the default hierarchy's
/// cgroup.controllers.
[[nodiscard]] Hierarchy choose_hierarchy(std::string_view mounts, std::string_view proc_cgroups,
                                         std::string_view controllers);

/// Where the default hierarchy is mounted; empty: nowhere.
[[nodiscard]] std::string default_mount(std::string_view mounts);

/// The choice for this machine.
[[nodiscard]] Hierarchy this_hierarchy();

}  // namespace kpulse::cgroups
