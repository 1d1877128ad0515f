// What a disk is called: from its number to the kernel's name, through sysfs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace kpulse::probes {

/// Any thread.
class DeviceNames {
 public:
  explicit DeviceNames(std::filesystem::path folder = "/sys/dev/block") : folder_(std::move(folder)) {}

  /// "vda" for major << 20 | minor; nothing while there is no such device.
  [[nodiscard]] std::optional<std::string> find(std::uint32_t dev) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace kpulse::probes
