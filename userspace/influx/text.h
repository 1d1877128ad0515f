// Untrusted bytes made safe for line protocol: always valid UTF-8, one line, correctly escaped.
#pragma once

#include <string>
#include <string_view>

namespace kpulse::influx {

/// Appends `bytes` as the inside of a quoted string field. Quotes and backslashes are escaped; bytes that are not valid
/// UTF-8 and control characters (C0, DEL, C1) are replaced by the text \xHH, so that the database shows e.g. `\x0a`.
void append_string(std::string_view bytes, std::string& out);

/// Appends `bytes` as a tag value. Comma, space and equals sign are escaped; what append_string replaces, and the
/// backslash too (it would otherwise escape what follows), is replaced by the text \xHH. Never empty for non-empty
/// input.
void append_tag(std::string_view bytes, std::string& out);

/// Length of the valid UTF-8 sequence that `bytes` begins with; 0 when it begins with none.
[[nodiscard]] std::size_t utf8_length(std::string_view bytes) noexcept;

}  // namespace kpulse::influx
