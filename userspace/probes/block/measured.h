// Which programs a field of kpulse_block comes from. Without them it has no value: a 0 would say that nothing happened.
// Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace kpulse::probes {

/// Fields without a value, ascending. `attached` says whether the program of that name is.
[[nodiscard]] std::vector<std::uint32_t> unmeasured_block(const std::function<bool(std::string_view)>& attached);

/// The same where nothing but the end of a request is looked at (block = lite).
[[nodiscard]] std::vector<std::uint32_t> unmeasured_by_the_end_alone();

}  // namespace kpulse::probes
