// The one growing buffer that lines are written into: no zeroing, no bounds check per piece, reused from batch to
// batch.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "influx/digits.h"

namespace kpulse::influx {

/// A short constant text, padded so that it can be copied in whole blocks: cheaper than a memcpy of unknown length.
class Piece {
 public:
  static constexpr std::size_t kBlock = 16;

  Piece() = default;
  explicit Piece(std::string_view text) : size_(text.size()), padded_(text) { pad(); }

  /// Replaces the text, keeping the memory.
  void assign(std::string_view text) {
    padded_.assign(text);
    size_ = text.size();
    pad();
  }

  [[nodiscard]] std::string_view view() const noexcept { return {padded_.data(), size_}; }
  [[nodiscard]] const char* data() const noexcept { return padded_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  void pad() { padded_.resize((size_ / kBlock + 1) * kBlock); }

  std::size_t size_ = 0;
  std::string padded_ = std::string(kBlock, '\0');
};

/// A text of a bounded length, copied whole: cheaper still.
template <std::size_t Room>
struct ShortText {
  std::array<char, Room> text;
  std::size_t size = 0;
};

/// Writes the characters of a line; no function checks for room. It is a copy of its own because characters may alias
/// anything: a buffer's members would be loaded and stored again around each one.
class Pen {
 public:
  /// Most characters that a number takes, and that a text may touch past its end.
  static constexpr std::size_t kNumberRoom = 32;

  explicit Pen(char* at) noexcept : at_(at) {}

  void put(const Piece& piece) noexcept {
    std::memcpy(at_, piece.data(), Piece::kBlock);
    for (std::size_t done = Piece::kBlock; done < piece.size(); done += Piece::kBlock) {
      std::memcpy(at_ + done, piece.data() + done, Piece::kBlock);
    }
    at_ += piece.size();
  }
  template <std::size_t Room>
  void put(const ShortText<Room>& text) noexcept {
    static_assert(Room <= kNumberRoom);
    std::memcpy(at_, text.text.data(), Room);
    at_ += text.size;
  }
  void put(char c) noexcept { *at_++ = c; }
  void put(std::string_view text) noexcept {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  /// Values past int64 are clipped: line protocol's `i` has no more.
  void put(std::uint64_t value) noexcept {
    constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
    at_ += write_number(value < kMax ? value : kMax, at_);
  }
  void put(double value) noexcept { at_ = std::to_chars(at_, at_ + kNumberRoom, value).ptr; }

  /// Up to here it has written.
  [[nodiscard]] char* at() const noexcept { return at_; }

 private:
  char* at_;
};

/// Text of whole lines and how many there are.
class LineBuffer {
 public:
  LineBuffer() = default;
  LineBuffer(const LineBuffer&) = delete;
  LineBuffer& operator=(const LineBuffer&) = delete;

  /// A pen at the end of the text, with room for `room` characters.
  [[nodiscard]] Pen begin_line(std::size_t room) {
    if (capacity_ - size_ < room) grow(room);
    return Pen(data_.get() + size_);
  }
  /// Takes what the pen has written, newline and all, as one line.
  void end_line(const Pen& pen) noexcept {
    size_ = static_cast<std::size_t>(pen.at() - data_.get());
    ++lines_;
  }

  void clear() noexcept { size_ = lines_ = 0; }
  [[nodiscard]] std::string_view view() const noexcept { return {data_.get(), size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t lines() const noexcept { return lines_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  void grow(std::size_t more) {
    const std::size_t capacity = (size_ + more) * 2;
    auto bigger = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(bigger.get(), data_.get(), size_);
    data_ = std::move(bigger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t lines_ = 0;
};

}  // namespace kpulse::influx
