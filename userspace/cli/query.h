// InfluxQL over the /query endpoint that InfluxDB 1.x has and 2.x keeps.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cli/database.h"

namespace kpulse::cli {

using Value = std::variant<std::monostate, std::int64_t, double, std::string>;

/// One series of an answer: the rows of one measurement and one set of tag values.
struct ResultSet {
  std::size_t statement = 0;  ///< which statement of the query it answers
  std::map<std::string, std::string, std::less<>> tags;
  std::vector<std::string> columns;
  std::vector<std::vector<Value>> rows;

  /// The value of a column, nothing when there is no such column or row.
  [[nodiscard]] const Value& at(std::size_t row, std::string_view column) const noexcept;
  [[nodiscard]] std::int64_t integer(std::size_t row, std::string_view column) const noexcept;  ///< 0 without one
  [[nodiscard]] std::string text(std::size_t row, std::string_view column) const;               ///< "" without one
  [[nodiscard]] std::string tag(std::string_view name) const;                                   ///< "" without one
};

/// Reads the JSON of an answer. An error the server reports, in the answer or in one of its statements, is an Error.
[[nodiscard]] Result<std::vector<ResultSet>> parse_answer(std::string_view body);

/// Runs statements, separated by ';', against the target's database; times are in ns since 1970.
[[nodiscard]] Result<std::vector<ResultSet>> query(Database& http, std::string_view statements);

/// 'text' as an InfluxQL string literal.
[[nodiscard]] std::string literal(std::string_view text);

}  // namespace kpulse::cli
