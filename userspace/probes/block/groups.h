// What the block programs counted by cgroup, as the rows of a frame. Pure: it is given what the mappings hold.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "abi/block.h"
#include "model/frame.h"

namespace kpulse::probes {

class BlockGroups {
 public:
  BlockGroups() : before_(KP_BLOCK_GROUPS) {}

  /// Appends kpulse_cgroup_io of every slot and operation that an I/O has ended for since the last call. `name` gives
  /// the slot's tag.
  void collect(std::span<const kp_block_cpu> cpus, std::span<const kp_block_group> bios,
               const std::function<std::string(std::uint32_t)>& name, std::vector<Series>& series);

 private:
  std::vector<kp_block_group> before_;  // by number: as of the last frame
};

}  // namespace kpulse::probes
