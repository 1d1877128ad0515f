#include "bridge/hosts.h"

#include "base/log.h"

namespace kpulse::bridge {

void HostTable::update(const State& state) {
  auto found = hosts_.find(state.host);
  if (found == hosts_.end()) {
    if (hosts_.size() >= kMaxHosts) {
      ++stats_.untracked;
      return;
    }
    found = hosts_.try_emplace(state.host).first;
    stats_.known = hosts_.size();
  }
  Host& host = found->second;
  // A restarted agent's birth can overtake the will of the run before it.
  if (state.stream < host.stream) return;
  if (state.online != host.online) {
    spdlog::info("{} is {}", state.host, state.online ? "online" : "offline");
    if (state.online) {
      ++stats_.online;
    } else {
      --stats_.online;
    }
  }
  host = {.stream = state.stream, .online = state.online};
}

}  // namespace kpulse::bridge
