#include "probes/sched/lost.h"

#include <algorithm>
#include <cstddef>

namespace kpulse::probes {
namespace {

__extension__ using Wide = unsigned __int128;

/// What of a sum belongs to a window: no more than its length, the rest is the next one's.
std::uint64_t share(std::uint64_t sum, std::uint64_t said, std::uint64_t length) {
  return sum > said ? std::min(sum - said, length) : 0;
}

}  // namespace

void LostSum::know(std::uint64_t clock, std::uint64_t total) {
  if (!knots_.empty() && (clock <= knots_.back().clock || total < knots_.back().total)) return;
  knots_.push_back({.clock = clock, .total = total});
}

void LostSum::know_late_growth(std::uint64_t clock, std::uint64_t total) {
  if (!knots_.empty() && total > knots_.back().total) {
    const std::uint64_t growth = total - knots_.back().total;
    if (clock > growth) know(clock - growth, knots_.back().total);
  }
  know(clock, total);
}

std::uint64_t LostSum::at(std::uint64_t clock) const {
  const auto after = std::ranges::upper_bound(knots_, clock, {}, &Knot::clock);
  if (after == knots_.begin()) return knots_.empty() ? 0 : knots_.front().total;
  const Knot& before = *std::prev(after);
  if (after == knots_.end()) return before.total;
  const Wide grown = Wide{after->total - before.total} * (clock - before.clock);
  return before.total + static_cast<std::uint64_t>(grown / (after->clock - before.clock));
}

void LostSum::forget_before(std::uint64_t clock) {
  while (knots_.size() > 1 && knots_[1].clock <= clock) knots_.pop_front();
}

void LostTime::on_record(const kp_sched_window& record) {
  stolen_.know(record.left_clock, record.left.stolen);
  irq_.know(record.left_clock, record.left.irq);
  // An idle CPU is not there for the hypervisor to take it away, until something wakes it up.
  record.running == 0 ? stolen_.know_late_growth(record.closed_clock, record.closed.stolen)
                      : stolen_.know(record.closed_clock, record.closed.stolen);
  irq_.know(record.closed_clock, record.closed.irq);
}

void LostTime::on_snapshot(std::uint64_t clock, bool running, const kp_lost& lost, const kp_look& look) {
  stolen_.know(clock, lost.stolen);
  irq_.know(clock, lost.irq);
  if (!running) return;  // its clock stands still, as a rule
  stolen_.know(look.clock, look.lost.stolen);
  irq_.know(look.clock, look.lost.irq);
}

kp_lost LostTime::own_of(std::uint64_t end, std::uint64_t length) const {
  return {.stolen = share(stolen_.at(end), stolen_.at(end - length), length),
          .irq = share(irq_.at(end), irq_.at(end - length), length)};
}

void LostTime::take(std::uint64_t window, std::uint64_t end, std::uint64_t length) {
  if (said_.empty() || said_.back().window + 1 != window)
    all_said_ = {.stolen = stolen_.at(end - length), .irq = irq_.at(end - length)};
  const kp_lost lost{.stolen = share(stolen_.at(end), all_said_.stolen, length),
                     .irq = share(irq_.at(end), all_said_.irq, length)};
  all_said_.stolen += lost.stolen;
  all_said_.irq += lost.irq;
  said_.push_back({.window = window, .end = end, .length = length, .own = own_of(end, length), .lost = lost});
}

kp_lost LostTime::of(std::uint64_t window) const {
  const auto found = std::ranges::lower_bound(said_, window, {}, &Said::window);
  return found != said_.end() && found->window == window ? found->lost : kp_lost{};
}

std::vector<std::uint64_t> LostTime::mend(std::uint64_t first) {
  std::vector<std::uint64_t> mended;
  for (auto said = std::ranges::lower_bound(said_, first, {}, &Said::window); said != said_.end(); ++said) {
    if (said->end <= settled_until_) continue;
    const kp_lost own = own_of(said->end, said->length);
    const std::uint64_t little = said->length / kMendPart;
    if (own.stolen < said->own.stolen + little && own.irq < said->own.irq + little) continue;
    const kp_lost lost{
        .stolen = std::min<std::uint64_t>(said->lost.stolen + own.stolen - said->own.stolen, said->length),
        .irq = std::min<std::uint64_t>(said->lost.irq + own.irq - said->own.irq, said->length)};
    all_said_.stolen += lost.stolen - said->lost.stolen;
    all_said_.irq += lost.irq - said->lost.irq;
    said->own = own;
    said->lost = lost;
    mended.push_back(said->window);
  }
  settled_until_ = stolen_.known_until();
  return mended;
}

void LostTime::forget_before(std::uint64_t window) {
  while (!said_.empty() && said_.front().window < window) said_.pop_front();
  if (said_.empty()) return;
  const std::uint64_t begin = said_.front().end - said_.front().length;
  stolen_.forget_before(begin);
  irq_.forget_before(begin);
}

}  // namespace kpulse::probes
