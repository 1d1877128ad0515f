// The one growing buffer that lines are written into: no zeroing, no bounds check per piece, reused from batch to
// batch.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

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

/// Text of whole lines and how many there are. `reserve` once per line, then the put functions, none of which checks
/// for room.
class LineBuffer {
 public:
  /// Most characters put(std::uint64_t) and put(double) write, and what put(Piece) may write past its text.
  static constexpr std::size_t kNumberRoom = 32;

  LineBuffer() = default;
  LineBuffer(const LineBuffer&) = delete;
  LineBuffer& operator=(const LineBuffer&) = delete;

  void reserve(std::size_t more) {
    if (capacity_ - size_ < more) grow(more);
  }

  void put(const Piece& piece) noexcept {
    char* to = data_.get() + size_;
    for (std::size_t done = 0; done < piece.size(); done += Piece::kBlock) {
      std::memcpy(to + done, piece.data() + done, Piece::kBlock);
    }
    size_ += piece.size();
  }
  void put(char c) noexcept { data_[size_++] = c; }
  void put(std::string_view text) noexcept {
    std::memcpy(data_.get() + size_, text.data(), text.size());
    size_ += text.size();
  }
  /// Values past int64 are clipped: line protocol's `i` has no more.
  void put(std::uint64_t value) noexcept {
    constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
    if (value < 10) return put(static_cast<char>('0' + value));
    char* to = data_.get() + size_;
    size_ += static_cast<std::size_t>(std::to_chars(to, to + kNumberRoom, value < kMax ? value : kMax).ptr - to);
  }
  void put(double value) noexcept {
    char* to = data_.get() + size_;
    size_ += static_cast<std::size_t>(std::to_chars(to, to + kNumberRoom, value).ptr - to);
  }
  void end_line() noexcept {
    put('\n');
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
