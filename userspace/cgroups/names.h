// Names of cgroups by id. Pure but for walking the file system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace kpulse::cgroups {

/// What a walk through a hierarchy saw.
struct Walk {
  std::unordered_set<std::uint64_t> ids;
  bool complete = false;   ///< false: some of it could not be read
  bool from_root = false;  ///< from the hierarchy's root on; false: the mount shows only a part of it
};

/// One thread.
class Names {
 public:
  /// A cgroup's path in its hierarchy ("/system.slice/sshd.service"), as events and walk() give it.
  void set(std::uint64_t id, std::string_view path);
  void forget(std::uint64_t id) { names_.erase(id); }

  /// What to call the cgroup: its path, shortened in front when it is longer than a tag may be; nothing when unknown.
  [[nodiscard]] std::string_view find(std::uint64_t id) const;

  /// Reads the names of all cgroups from where their hierarchy is mounted.
  Walk walk(const std::string& mount);

  /// Forgets all cgroups but those that `keep` says true of.
  template <class Keep>
  void forget_unless(Keep keep) {
    std::erase_if(names_, [&](const auto& entry) { return !keep(entry.first); });
  }

  [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }

  static constexpr std::size_t kMaxName = 240;

 private:
  void walk_folder(const std::string& mount, const std::string& path, Walk& walk);

  /// More cgroups than this are not named: a bound for memory, far above what a VM has.
  static constexpr std::size_t kMaxNames = 65'536;

  std::unordered_map<std::uint64_t, std::string> names_;
};

}  // namespace kpulse::cgroups
