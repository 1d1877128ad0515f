#include "cgroups/table.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "bpf/cpus.h"
#include "cgroup.skel.h"

void destroy_cgroup_bpf(cgroup_bpf* skeleton) noexcept {
  cgroup_bpf__destroy(skeleton);
}

namespace kpulse::cgroups {
namespace {

/// A task that is on its way out may still run a little after its cgroup was removed.
constexpr std::uint64_t kLingerNs = 2'000'000'000;
constexpr std::size_t kMaxEvents = 4096;

}  // namespace

Result<std::unique_ptr<Table>> Table::open(const bpf::KernelTypes& types) {
  std::unique_ptr<Table> table(new Table);
  table->hierarchy_ = this_hierarchy();
  if (!table->hierarchy_.controller.empty()) {
    const auto subsys = types.enumerator("cgroup_subsys_id", table->hierarchy_.controller + "_cgrp_id");
    if (!subsys) return fail("this kernel does not know the cgroup controller " + table->hierarchy_.controller);
    table->subsys_ = static_cast<std::uint32_t>(*subsys);
  }
  if (auto loaded = table->load(types); !loaded) return fail(std::move(loaded).error());
  if (auto mapped = table->map_memory(); !mapped) return fail(std::move(mapped).error());
  table->programs_.attach();
  table->walk(monotonic_ns());  // after attaching: what is made meanwhile is seen at least once
  return table;
}

Result<> Table::load(const bpf::KernelTypes& types) {
  const auto open = [&]() -> Result<> {
    skeleton_.reset(cgroup_bpf__open());
    if (!skeleton_) return fail(bpf::bpf_error("cgroup: cannot open the programs", errno));
    skeleton_->rodata->kp_cgroup_hierarchy = hierarchy_.number;
    bpf_map__set_max_entries(skeleton_->maps.kp_cgroup_cpus, bpf::present_cpus());
    auto& programs = skeleton_->progs;
    bpf::Programs::skip(programs.kp_cgroup_maps);
    for (bpf_program* program : {programs.kp_cgroup_mkdir, programs.kp_cgroup_name, programs.kp_cgroup_rmdir}) {
      programs_.want(types, program);
    }
    return {};
  };
  if (auto loaded = programs_.load(open, [this] { return cgroup_bpf__load(skeleton_.get()); }); !loaded) return loaded;
  const int free_slots = bpf_map__fd(skeleton_->maps.kp_cgroup_free);
  for (__u32 slot = KP_CGROUP_SLOTS - 1; slot != KP_CGROUP_OTHER; --slot) {
    if (bpf_map_update_elem(free_slots, nullptr, &slot, BPF_ANY) != 0) {
      return fail(bpf::bpf_error("cgroup: cannot fill the list of free slots", errno));
    }
  }
  return {};
}

Result<> Table::map_memory() {
  auto owners = bpf::MappedArray<__u64>::map(skeleton_->maps.kp_cgroup_owners, bpf::Access::write);
  if (!owners) return fail(std::move(owners).error());
  auto cpus = bpf::MappedArray<kp_cgroup_cpu>::map(skeleton_->maps.kp_cgroup_cpus, bpf::Access::write);
  if (!cpus) return fail(std::move(cpus).error());
  for (kp_cgroup_cpu& cpu : cpus->writable()) cpu.running = ~0ULL;
  auto ring = bpf::Ring::open(skeleton_->maps.kp_cgroup_ring, [this](auto bytes) { take_event(bytes); });
  if (!ring) return fail(std::move(ring).error());
  owners_ = std::move(*owners);
  cpus_ = std::move(*cpus);
  ring_ = std::move(*ring);
  return {};
}

Result<> Table::share(bpf_object* object) const {
  const auto& maps = skeleton_->maps;
  for (const bpf_map* ours : {maps.kp_cgroup_slots, maps.kp_cgroup_free, maps.kp_cgroup_owners, maps.kp_cgroup_cpus}) {
    bpf_map* theirs = bpf_object__find_map_by_name(object, bpf_map__name(ours));
    if (theirs == nullptr) continue;
    if (const int error = bpf_map__reuse_fd(theirs, bpf_map__fd(ours)); error != 0) {
      return fail(bpf::bpf_error(std::string("cgroup: cannot share the map ") + bpf_map__name(ours), error));
    }
  }
  return {};
}

void Table::take_event(std::span<const std::byte> bytes) {
  kp_cgroup_event event{};
  if (bytes.size() != sizeof(event)) return;
  std::memcpy(&event, bytes.data(), sizeof(event));
  if (event.head.type == KP_RECORD_CGROUP_REMOVED) {
    removed_.push_back({.id = event.id, .at_ns = monotonic_ns()});
    return;
  }
  const std::size_t length = strnlen(event.path, sizeof(event.path));
  names_.set(event.id, {event.path, length});
}

void Table::drain() {
  ring_->consume(kMaxEvents);
  walk_when_needed();
}

/// Events may have been lost, or a program could not be attached: then a slot's owner has no name, or is gone
/// unnoticed.
void Table::walk_when_needed() {
  const std::uint64_t now = monotonic_ns();
  if (walks_.due(now) && walks_.wanted(now, nameless(), skeleton_->bss->kp_cgroup_dropped)) walk(now);
}

std::vector<std::uint64_t> Table::nameless() const {
  std::vector<std::uint64_t> ids;
  for (std::uint32_t slot = 1; slot < KP_CGROUP_SLOTS; ++slot) {
    if (const std::uint64_t id = owner(slot); id != 0 && names_.find(id).empty()) ids.push_back(id);
  }
  return ids;
}

void Table::walk(std::uint64_t now) {
  const std::uint64_t cpu_began = thread_cpu_ns();
  const std::uint64_t lost = skeleton_->bss->kp_cgroup_dropped;
  // Who has a slot before the walk begins exists; one made meanwhile may be missed by it.
  const std::vector<std::uint64_t> before(owners_.values().begin() + 1, owners_.values().end());
  Walk walk = names_.walk(hierarchy_.mount);
  std::unordered_set<std::uint64_t> wanted = walk.ids;
  for (std::uint32_t slot = 1; slot < KP_CGROUP_SLOTS; ++slot) wanted.insert(owner(slot));
  for (const std::uint64_t id : before) {
    // Gone, and nobody said so. Its name is still wanted until its slot is free.
    if (id != 0 && walks_.gone(id, walk)) removed_.push_back({.id = id, .at_ns = now});
  }
  names_.forget_unless([&](std::uint64_t id) { return wanted.contains(id) || !walks_.gone(id, walk); });
  walks_.done(now, thread_cpu_ns() - cpu_began, nameless(), lost, std::move(walk));
}

void Table::settle() {
  const std::uint64_t now = monotonic_ns();
  while (!removed_.empty() && removed_.front().at_ns + kLingerNs <= now) {
    release(removed_.front().id);
    removed_.pop_front();
  }
}

void Table::release(std::uint64_t id) {
  names_.forget(id);
  __u32 slot = KP_CGROUP_OTHER;
  const int slots = bpf_map__fd(skeleton_->maps.kp_cgroup_slots);
  if (bpf_map_lookup_elem(slots, &id, &slot) != 0) return;
  bpf_map_delete_elem(slots, &id);
  forget_cached(id);
  owners_.writable()[slot] = 0;
  bpf_map_update_elem(bpf_map__fd(skeleton_->maps.kp_cgroup_free), nullptr, &slot, BPF_ANY);
}

/// What is written back for a cgroup that is gone would count for the next one that has its slot.
void Table::forget_cached(std::uint64_t id) {
  for (kp_cgroup_cpu& cpu : cpus_.writable()) {
    volatile __u64& entry = cpu.cache.entry[id % KP_CGROUP_CACHE];
    if (entry >> KP_CGROUP_SLOT_BITS == id) entry = 0;
  }
}

std::uint64_t Table::owner(std::uint32_t slot) const noexcept {
  return slot == KP_CGROUP_OTHER ? 0 : owners_.values()[slot];
}

std::string Table::name(std::uint32_t slot) {
  if (slot == KP_CGROUP_OTHER) return "(other)";
  std::string_view name = names_.find(owner(slot));
  if (name.empty()) {
    // It came after the last drain() and has been counted for: that it was made was said before anybody was in it.
    ring_->consume(kMaxEvents);
    name = names_.find(owner(slot));
  }
  return name.empty() ? fmt::format("(id {})", owner(slot)) : std::string(name);
}

}  // namespace kpulse::cgroups
