// What sysfs says of disks: from the number to the kernel's name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace kpulse::probes {

/// Any thread.
class DeviceNames {
 public:
  explicit DeviceNames(std::filesystem::path sysfs = "/sys") : sysfs_(std::move(sysfs)) {}

  /// "vda" for major << 20 | minor; nothing while there is no such device.
  [[nodiscard]] std::optional<std::string> find(std::uint32_t dev) const;

  /// True when the kernel counts no I/O in flight at the device of this name. It does not count flushes.
  [[nodiscard]] bool idle(const std::string& name) const;

 private:
  std::filesystem::path sysfs_;
};

}  // namespace kpulse::probes
