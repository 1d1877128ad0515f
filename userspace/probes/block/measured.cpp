#include "probes/block/measured.h"

#include <algorithm>
#include <initializer_list>

#include "model/ids.h"

namespace kpulse::probes {
namespace {

namespace id = ids::block;

/// These fields want one of these programs.
struct Need {
  std::initializer_list<std::string_view> programs;
  std::initializer_list<std::uint32_t> fields;
};

/// Of requests. Whether these or bios are seen at all is decided when the programs are chosen.
const Need kNeeds[]{
    {{"kp_rq_issue"},
     {id::kQueue, id::kDevice, id::kDepth, id::kDepthMax, id::kWorst, id::kWorstQueue, id::kWorstBytes,
      id::kWorstSector, id::kSubmitter}},
    {{"kp_io_start", "kp_rq_insert"}, {id::kSubmitter}},
    {{"kp_rq_requeue"}, {id::kRequeues}},
    {{"kp_rq_merge"}, {id::kMerges}},
    {{"kp_backmerge"}, {id::kMerges}},
    {{"kp_frontmerge"}, {id::kMerges}},
};

}  // namespace

std::vector<std::uint32_t> unmeasured_block(const std::function<bool(std::string_view)>& attached) {
  std::vector<std::uint32_t> fields;
  if (!attached("kp_rq_complete")) return fields;  // bios only, and these have no hooks to lose
  for (const Need& need : kNeeds) {
    if (std::ranges::none_of(need.programs, attached)) fields.insert(fields.end(), need.fields);
  }
  std::ranges::sort(fields);
  fields.erase(std::unique(fields.begin(), fields.end()), fields.end());
  return fields;
}

std::vector<std::uint32_t> unmeasured_by_the_end_alone() {
  std::vector<std::uint32_t> fields{id::kQueue,      id::kDevice,    id::kDepth,    id::kDepthMax,
                                    id::kWorstQueue, id::kSubmitter, id::kRequeues, id::kMerges};
  std::ranges::sort(fields);
  return fields;
}

}  // namespace kpulse::probes
