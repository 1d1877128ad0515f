// Reads protobuf's wire format where it lies, without building messages. The frame is decoded this way because it is
// the bridge's hot path; docs/adr/0006 has what was measured. Tests hold it against the generated parser.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace kpulse {

/// Walks the fields of one message. After a mistake next() is false and ok() too. Never reads past its bytes.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) noexcept : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  /// Goes to the next field and reads its value; false at the end or after a mistake.
  bool next() noexcept {
    if (at_ == end_ || !ok_) return false;
    const std::uint64_t key = varint();
    field_ = static_cast<std::uint32_t>(key >> 3U);
    if (key > UINT32_MAX || field_ == 0) return fail();
    return ok_ && read_value(static_cast<std::uint32_t>(key & 7U));
  }

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] std::uint32_t field() const noexcept { return field_; }

  // Store the field's value if it has that wire type; a field of another type is unknown and ignored.
  void get(std::uint64_t& out) const noexcept {
    if (type_ == kVarint) out = number_;
  }
  void get(std::uint32_t& out) const noexcept {
    if (type_ == kVarint) out = static_cast<std::uint32_t>(number_);
  }
  void get_fixed(std::uint64_t& out) const noexcept {
    if (type_ == kFixed64) out = number_;
  }
  void get(std::string_view& out) const noexcept {
    if (type_ == kBytes) out = bytes_;
  }
  void append_bytes(std::vector<std::string_view>& out) const {
    if (type_ == kBytes) out.push_back(bytes_);
  }

  /// Appends the field's numbers, packed or single; false and a mistake when they are cut off.
  template <class Number>
  bool append_numbers(std::vector<Number>& out) {
    std::size_t used = out.size();
    const bool whole = put_numbers(out, used);
    out.resize(used);
    return whole;
  }
  /// The same into the first `used` places of scratch memory, which only grows: filling a new vector with zeroes and
  /// counting beforehand would cost as much as the numbers.
  template <class Number>
  bool put_numbers(std::vector<Number>& scratch, std::size_t& used) {
    if (type_ != kBytes && type_ != kVarint) return true;
    const std::size_t most = used + (type_ == kBytes ? bytes_.size() : 1);
    if (scratch.size() < most) scratch.resize(most);
    Number* to = scratch.data() + used;
    if (type_ == kVarint) {
      *to++ = static_cast<Number>(number_);
    } else {
      WireReader packed(bytes_);
      while (packed.at_ != packed.end_ && packed.ok_) *to++ = static_cast<Number>(packed.varint());
      if (!packed.ok_) return fail();
    }
    used = static_cast<std::size_t>(to - scratch.data());
    return true;
  }
  bool append_doubles(std::vector<double>& out) {
    if (type_ == kFixed64) out.push_back(std::bit_cast<double>(number_));
    if (type_ != kBytes) return true;
    if (bytes_.size() % sizeof(double) != 0) return fail();
    const std::size_t old = out.size();
    out.resize(old + bytes_.size() / sizeof(double));
    if (!bytes_.empty()) std::memcpy(out.data() + old, bytes_.data(), bytes_.size());
    return true;
  }

 private:
  static constexpr std::uint32_t kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;
  static constexpr std::uint64_t kHighBits = 0x8080808080808080U;  // set in every byte of a varint but the last

  bool fail() noexcept { return ok_ = false; }

  std::uint64_t varint() noexcept {
    if (at_ != end_ && static_cast<unsigned char>(*at_) < 0x80) return static_cast<unsigned char>(*at_++);
    std::uint64_t word = 0;
    if (end_ - at_ >= static_cast<std::ptrdiff_t>(sizeof word)) {
      std::memcpy(&word, at_, sizeof word);
      if (const std::uint64_t ends = ~word & kHighBits; ends != 0) return short_varint(word, ends);
    }
    return long_varint();
  }

  /// The varint that `word` begins with; the lowest bit of `ends` is the high bit of its last byte.
  std::uint64_t short_varint(std::uint64_t word, std::uint64_t ends) noexcept {
    at_ += std::countr_zero(ends) / 8 + 1;
    word &= (ends ^ (ends - 1)) & ~kHighBits;
    // Seven bits of eight bytes move together: pairs, then fours, then all eight.
    word = (word & 0x007F007F007F007FU) | ((word & 0x7F007F007F007F00U) >> 1U);
    word = (word & 0x00003FFF00003FFFU) | ((word & 0x3FFF00003FFF0000U) >> 2U);
    return (word & 0x000000000FFFFFFFU) | ((word & 0x0FFFFFFF00000000U) >> 4U);
  }

  std::uint64_t long_varint() noexcept {
    std::uint64_t value = 0;
    for (std::uint32_t shift = 0; shift < 70 && at_ != end_; shift += 7) {
      const std::uint64_t byte = static_cast<unsigned char>(*at_++);
      value |= (byte & 0x7FU) << (shift < 64 ? shift : 63U);
      if (byte < 0x80) return value;
    }
    fail();
    return 0;
  }

  bool read_value(std::uint32_t type) noexcept {
    type_ = type;
    number_ = 0;
    bytes_ = {};
    switch (type) {
      case kVarint:
        number_ = varint();
        return ok_;
      case kFixed64:
        return read_fixed(sizeof(std::uint64_t));
      case kFixed32:
        return read_fixed(sizeof(std::uint32_t));
      case kBytes:
        break;
      default:
        return fail();  // groups, which no version of this format has
    }
    const std::uint64_t size = varint();
    if (!ok_ || size > static_cast<std::uint64_t>(end_ - at_)) return fail();
    bytes_ = {at_, static_cast<std::size_t>(size)};
    at_ += size;
    return true;
  }

  bool read_fixed(std::size_t size) noexcept {
    static_assert(std::endian::native == std::endian::little, "the wire is little-endian");
    if (static_cast<std::size_t>(end_ - at_) < size) return fail();
    std::memcpy(&number_, at_, size);
    at_ += size;
    return true;
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
  std::uint32_t field_ = 0;
  std::uint32_t type_ = kVarint;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
};

}  // namespace kpulse
