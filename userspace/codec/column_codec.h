// One column to its protobuf message, and back from its bytes. Internal to the codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/catalog.h"
#include "model/frame.h"

namespace kpulse::v1 {
class Column;
}

namespace kpulse {

/// What the frame around a column allows.
struct ColumnLimits {
  std::size_t rows;   ///< values a column must have
  std::size_t tasks;  ///< size of the frame's task table
};

/// A column as it stands on the wire. One object is used for many: read() clears it first.
struct RawColumn {
  std::uint32_t field = 0;
  std::vector<std::uint64_t> values;
  std::vector<double> reals;
  std::vector<std::uint32_t> gaps;
  std::uint64_t sum = 0;

  /// False when the bytes are malformed.
  [[nodiscard]] bool read(std::string_view bytes);
};

void encode_column(const Column& column, v1::Column& wire);

/// Fills an empty column and takes its memory in exchange; nullptr, or what is wrong with it (static text).
[[nodiscard]] const char* decode_column(const Field& field, const ColumnLimits& limits, RawColumn& raw, Column& column);

}  // namespace kpulse
