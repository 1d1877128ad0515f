#include "cgroups/walks.h"

#include <algorithm>
#include <utility>

namespace kpulse::cgroups {
namespace {

constexpr std::uint64_t kFirstPatienceNs = 2'000'000'000;
constexpr std::uint64_t kLongestPatienceNs = 64'000'000'000;

}  // namespace

bool Walks::wanted(std::uint64_t now, std::span<const std::uint64_t> nameless, std::uint64_t lost) {
  const bool news = lost != lost_ || std::ranges::any_of(nameless, [&](auto id) { return !hopeless_.contains(id); });
  if (news) patience_ns_ = 0;
  const bool wanted = news || (!nameless.empty() && now >= retry_ns_);
  if (!wanted) pacer_.postpone(now);
  return wanted;
}

void Walks::done(std::uint64_t began, std::uint64_t cost_ns, std::span<const std::uint64_t> nameless,
                 std::uint64_t lost, Walk walk) {
  pacer_.done(began, cost_ns);
  patience_ns_ = std::clamp(2 * patience_ns_, kFirstPatienceNs, kLongestPatienceNs);
  retry_ns_ = began + patience_ns_;
  lost_ = lost;
  hopeless_ = {nameless.begin(), nameless.end()};
  shown_ = std::move(walk.ids);
}

bool Walks::gone(std::uint64_t id, const Walk& walk) const {
  return walk.complete && !walk.ids.contains(id) && (walk.from_root || shown_.contains(id));
}

}  // namespace kpulse::cgroups
