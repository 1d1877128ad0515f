// Request bodies compressed with libdeflate, at the level that costs least.
#pragma once

#include <libdeflate.h>

#include <string_view>
#include <vector>

#include "base/handle.h"

namespace kpulse::influx {

/// Keeps its memory from body to body; one object per thread.
class Gzip {
 public:
  Gzip();

  /// The compressed bytes, valid until the next call; empty when there is no memory for them.
  [[nodiscard]] std::string_view compress(std::string_view body);

 private:
  Handle<libdeflate_compressor, libdeflate_free_compressor> compressor_;
  std::vector<char> out_;
};

}  // namespace kpulse::influx
