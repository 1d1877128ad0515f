// What the tables of `kpulse watch` are made of: values of an answer, made fit for a column.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/query.h"

namespace kpulse::cli {

/// An integer of an answer; 0 for what is missing or negative.
[[nodiscard]] std::uint64_t number(const ResultSet& set, std::size_t row, std::string_view column);

/// a / b; 0 when there is no b.
[[nodiscard]] double ratio(std::uint64_t a, std::uint64_t b);

/// "comm(pid)" of a task field, printable; empty when the row names none. Pid 0 with a name is the idle task.
[[nodiscard]] std::string task_name(const ResultSet& set, std::size_t row, std::string_view field);

/// `text` with spaces up to `width` characters; what is longer is cut.
[[nodiscard]] std::string left(std::string_view text, std::size_t width);

/// 3 significant digits with a binary unit: "0", "512B", "4.00K", "1.50M".
[[nodiscard]] std::string short_bytes(std::uint64_t bytes);

}  // namespace kpulse::cli
