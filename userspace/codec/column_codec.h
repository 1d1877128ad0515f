// One column to and from its protobuf message. Internal to the codec: this is the one header of it that shows protobuf.
#pragma once

#include <cstddef>

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

void encode_column(const Column& column, v1::Column& wire);

/// Checks and copies; nullptr, or what is wrong with it (static text).
[[nodiscard]] const char* decode_column(const Field& field, const ColumnLimits& limits, const v1::Column& wire,
                                        Column& column);

}  // namespace kpulse
