// One column to its protobuf message, and back from its bytes. Internal to the codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
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
  std::size_t rows;             ///< values that a series has in a column
  std::size_t tasks;            ///< size of the frame's task table
  std::uint64_t window_ns = 0;  ///< of the frame
  std::size_t series = 1;       ///< that stand side by side in a column
};

/// A column as it stands on the wire. One object is used for many and keeps its memory.
class RawColumn {
 public:
  /// False when the bytes are malformed.
  [[nodiscard]] bool read(std::string_view bytes);

  [[nodiscard]] std::uint32_t field() const noexcept { return field_; }
  [[nodiscard]] std::span<const std::uint64_t> values() const noexcept { return {values_.data(), values_used_}; }
  [[nodiscard]] const std::vector<double>& reals() const noexcept { return reals_; }
  [[nodiscard]] const std::vector<std::uint64_t>& window_parts() const noexcept { return window_parts_; }
  [[nodiscard]] std::span<const std::uint32_t> gaps() const noexcept { return {gaps_.data(), gaps_used_}; }
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
  [[nodiscard]] const std::vector<std::uint64_t>& sums() const noexcept { return sums_; }
  /// Where the buckets of each histogram end in gaps() and values().
  [[nodiscard]] const std::vector<std::uint64_t>& bucket_ends() const noexcept { return bucket_ends_; }

 private:
  std::uint32_t field_ = 0;
  std::uint64_t sum_ = 0;
  std::vector<std::uint64_t> values_;  ///< scratch, as is gaps_: what counts is at the front
  std::size_t values_used_ = 0;
  std::vector<std::uint32_t> gaps_;
  std::size_t gaps_used_ = 0;
  std::vector<double> reals_;
  std::vector<std::uint64_t> window_parts_;
  std::vector<std::uint64_t> sums_, bucket_ends_;
};

/// Appends to the message. `shared`: it is for several series.
void encode_column(const Column& column, bool shared, v1::Column& wire);

/// Checks, and fills the column of one of the series whatever it held; nullptr, or what is wrong with it (static text).
[[nodiscard]] const char* decode_column(const Field& field, const ColumnLimits& limits, const RawColumn& raw,
                                        Column& column, std::size_t series = 0);

}  // namespace kpulse
