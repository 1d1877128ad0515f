// docs/METRICS.md, out of the catalogue.
#pragma once

#include <string>

namespace kpulse::cli {

/// The whole document; the same text for the same catalogue. `tests/run.sh docs` compares the committed file with it.
[[nodiscard]] std::string metrics_markdown();

}  // namespace kpulse::cli
