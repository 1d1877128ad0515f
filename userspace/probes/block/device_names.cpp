#include "probes/block/device_names.h"

#include <fstream>
#include <system_error>

namespace kpulse::probes {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kMinorBits = 20;

}  // namespace

/// Ends with the device's name; for a partition with its disk's before that. Empty while there is no such device.
fs::path DeviceNames::find_path(std::uint32_t dev) const {
  const std::string number = std::to_string(dev >> kMinorBits) + ":" + std::to_string(dev & ((1U << kMinorBits) - 1));
  std::error_code error;
  return fs::read_symlink(sysfs_ / "dev/block" / number, error);
}

std::optional<std::string> DeviceNames::find(std::uint32_t dev) const {
  const fs::path path = find_path(dev);
  if (path.filename().empty()) return std::nullopt;
  return path.filename().string();
}

std::optional<std::string> DeviceNames::disk_of(std::uint32_t dev) const {
  const fs::path path = find_path(dev);
  std::error_code error;
  if (path.empty() || !fs::exists(sysfs_ / "class/block" / path.filename() / "partition", error)) return std::nullopt;
  return path.parent_path().filename().string();
}

bool DeviceNames::stacked(const std::string& name) const {
  std::error_code error;
  const fs::directory_iterator slaves(sysfs_ / "block" / name / "slaves", error);
  return !error && slaves != fs::directory_iterator();
}

std::vector<std::uint32_t> DeviceNames::stacked_devices() const {
  std::vector<std::uint32_t> devices;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(sysfs_ / "block", error)) {
    if (!stacked(entry.path().filename())) continue;
    std::uint32_t major = 0, minor = 0;
    char colon = 0;
    if (std::ifstream(entry.path() / "dev") >> major >> colon >> minor) devices.push_back(major << kMinorBits | minor);
  }
  return devices;
}

bool DeviceNames::idle(const std::string& name) const {
  std::uint64_t reads = 1, writes = 1;
  std::ifstream(sysfs_ / "class/block" / name / "inflight") >> reads >> writes;
  return reads == 0 && writes == 0;
}

}  // namespace kpulse::probes
