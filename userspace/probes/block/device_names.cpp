#include "probes/block/device_names.h"

#include <fstream>
#include <system_error>

namespace kpulse::probes {

std::optional<std::string> DeviceNames::find(std::uint32_t dev) const {
  constexpr std::uint32_t kMinorBits = 20;
  const std::string number = std::to_string(dev >> kMinorBits) + ":" + std::to_string(dev & ((1U << kMinorBits) - 1));
  std::error_code error;
  const std::filesystem::path target = std::filesystem::read_symlink(sysfs_ / "dev/block" / number, error);
  if (error || target.filename().empty()) return std::nullopt;
  return target.filename().string();
}

bool DeviceNames::idle(const std::string& name) const {
  std::uint64_t reads = 1, writes = 1;
  std::ifstream(sysfs_ / "block" / name / "inflight") >> reads >> writes;
  return reads == 0 && writes == 0;
}

}  // namespace kpulse::probes
