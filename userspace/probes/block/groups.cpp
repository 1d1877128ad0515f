#include "probes/block/groups.h"

#include "model/ids.h"
#include "probes/block/block_series.h"
#include "probes/columns.h"

namespace kpulse::probes {
namespace {

namespace id = ids::cgroup_io;

kp_block_group sum_of(std::span<const kp_block_cpu> cpus, const kp_block_group& bios, std::uint32_t number) {
  kp_block_group sum = bios;
  for (const kp_block_cpu& cpu : cpus) {
    const kp_block_group& part = cpu.requests[number];
    sum.ios += part.ios;
    sum.bytes += part.bytes;
    sum.ns += part.ns;
  }
  return sum;
}

}  // namespace

void BlockGroups::collect(std::span<const kp_block_cpu> cpus, std::span<const kp_block_group> bios,
                          const std::function<std::string(std::uint32_t)>& name, std::vector<Series>& series) {
  for (std::uint32_t number = 0; number < KP_BLOCK_GROUPS; ++number) {
    const kp_block_group now = sum_of(cpus, bios[number], number);
    kp_block_group& before = before_[number];
    if (now.ios == before.ios) continue;
    Series row{.measurement = ids::kCgroupIo,
               .tags = {name(number / KP_BLOCK_OPS), std::string(block_op_name(number % KP_BLOCK_OPS))},
               .absent = {},
               .columns = {}};
    add_value(row, id::kIos, now.ios - before.ios);
    add_value(row, id::kBytes, now.bytes - before.bytes);
    add_value(row, id::kTime, now.ns - before.ns);
    series.push_back(std::move(row));
    before = now;
  }
}

}  // namespace kpulse::probes
