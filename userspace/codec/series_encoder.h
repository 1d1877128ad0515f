// The series of a frame to their protobuf messages, in few bytes. Internal to the codec.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/frame.h"

namespace kpulse::v1 {
class Frame;
class Series;
}  // namespace kpulse::v1

namespace kpulse {

/// Series of one measurement that have the same fields travel side by side, as one message, and a long tag value stands
/// once in the frame. For one frame.
class SeriesEncoder {
 public:
  SeriesEncoder(const Frame& frame, v1::Frame& wire) : frame_(frame), wire_(wire) {}

  void put_all();

 private:
  /// Series that travel as one message.
  struct Group {
    const Series* first;
    std::uint32_t size;
    v1::Series* wire;
  };

  void group_all();
  [[nodiscard]] std::size_t group_of(const Series& series);
  void put(const Series& series, Group& group);
  void put_tags(const Series& series, const Group& group);
  [[nodiscard]] std::uint32_t text(std::string_view value);
  void shorten_reals(v1::Series& wire) const;

  const Frame& frame_;
  v1::Frame& wire_;
  std::vector<Group> groups_;
  std::vector<std::size_t> open_;  // groups that others may join: few
  std::vector<std::size_t> group_by_series_;
  std::unordered_map<std::string_view, std::uint32_t> texts_;
};

}  // namespace kpulse
