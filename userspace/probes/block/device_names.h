// What sysfs says of disks and partitions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kpulse::probes {

/// Any thread.
class DeviceNames {
 public:
  explicit DeviceNames(std::filesystem::path sysfs = "/sys") : sysfs_(std::move(sysfs)) {}

  /// "vda" for major << 20 | minor; nothing while there is no such device.
  [[nodiscard]] std::optional<std::string> find(std::uint32_t dev) const;

  /// The disk that a partition is on; nothing for a disk.
  [[nodiscard]] std::optional<std::string> disk_of(std::uint32_t dev) const;

  /// True for a device that hands I/O on to others (dm, md): it has slaves.
  [[nodiscard]] bool stacked(const std::string& name) const;
  /// All of them, as numbers.
  [[nodiscard]] std::vector<std::uint32_t> stacked_devices() const;

  /// True when the kernel counts no I/O in flight at the device of this name. It does not count flushes.
  [[nodiscard]] bool idle(const std::string& name) const;

 private:
  [[nodiscard]] std::filesystem::path find_path(std::uint32_t dev) const;

  std::filesystem::path sysfs_;
};

}  // namespace kpulse::probes
