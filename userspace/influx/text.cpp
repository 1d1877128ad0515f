#include "influx/text.h"

#include <algorithm>
#include <cstdint>

namespace kpulse::influx {
namespace {

std::uint32_t byte_at(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<unsigned char>(bytes[at]);
}

/// First byte of a sequence -> its length; 0 for a byte that cannot begin one.
std::size_t length_of(std::uint32_t first) noexcept {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

bool is_control(std::string_view sequence) noexcept {
  const std::uint32_t first = byte_at(sequence, 0);
  return first < 0x20 || first == 0x7F || (first == 0xC2 && byte_at(sequence, 1) < 0xA0);
}

void append_hex(std::string_view sequence, std::string_view backslash, std::string& out) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t i = 0; i < sequence.size(); ++i) {
    out.append(backslash).push_back('x');
    out.push_back(kDigits[byte_at(sequence, i) >> 4U]);
    out.push_back(kDigits[byte_at(sequence, i) & 0xFU]);
  }
}

/// True when all bytes are printable ASCII and none is special: nearly always, and then nothing has to be done.
template <class Special>
bool is_plain(std::string_view bytes, Special special) noexcept {
  return std::ranges::all_of(bytes, [special](char c) { return c >= ' ' && c <= '~' && !special(c); });
}

/// Calls `plain(sequence)` for what may stand in a line and `bad(bytes)` for what may not.
template <class Plain, class Bad>
void walk(std::string_view bytes, Plain plain, Bad bad) {
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    const std::string_view sequence = bytes.substr(0, length == 0 ? 1 : length);
    if (length == 0 || is_control(sequence)) {
      bad(sequence);
    } else {
      plain(sequence);
    }
    bytes.remove_prefix(sequence.size());
  }
}

}  // namespace

std::size_t utf8_length(std::string_view bytes) noexcept {
  if (bytes.empty()) return 0;
  const std::uint32_t first = byte_at(bytes, 0);
  const std::size_t length = length_of(first);
  if (length < 2) return length;
  if (bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(bytes, i) & 0xC0U) != 0x80) return 0;
  }
  const std::uint32_t second = byte_at(bytes, 1);
  if (first == 0xE0 && second < 0xA0) return 0;   // overlong
  if (first == 0xED && second >= 0xA0) return 0;  // surrogate
  if (first == 0xF0 && second < 0x90) return 0;   // overlong
  if (first == 0xF4 && second >= 0x90) return 0;  // past U+10FFFF
  return length;
}

void append_string(std::string_view bytes, std::string& out) {
  if (is_plain(bytes, [](char c) { return c == '"' || c == '\\'; })) {
    out.append(bytes);
    return;
  }
  walk(
      bytes,
      [&out](std::string_view sequence) {
        if (sequence == "\"" || sequence == "\\") out.push_back('\\');
        out.append(sequence);
      },
      [&out](std::string_view bad) { append_hex(bad, "\\\\", out); });
}

void append_tag(std::string_view bytes, std::string& out) {
  if (is_plain(bytes, [](char c) { return c == ',' || c == ' ' || c == '=' || c == '\\'; })) {
    out.append(bytes);
    return;
  }
  walk(
      bytes,
      [&out](std::string_view sequence) {
        if (sequence == "\\") return append_hex(sequence, "\\", out);
        if (sequence == "," || sequence == " " || sequence == "=") out.push_back('\\');
        out.append(sequence);
      },
      [&out](std::string_view bad) { append_hex(bad, "\\", out); });
}

}  // namespace kpulse::influx
