#include "cli/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/text.h"
#include "http/url.h"

namespace kpulse::cli {
namespace {

using nlohmann::json;

constexpr Value kNothing;

Value to_value(const json& cell) {
  if (cell.is_number_integer()) return cell.get<std::int64_t>();
  if (cell.is_number()) return cell.get<double>();
  if (cell.is_string()) return cell.get<std::string>();
  return {};
}

std::string to_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

/// The member as an array; an empty one when there is none.
const json& array_of(const json& object, const char* member) {
  static const json kNone = json::array();
  const auto found = object.find(member);
  return found != object.end() && found->is_array() ? *found : kNone;
}

ResultSet to_series(const json& source, std::size_t statement) {
  ResultSet series;
  series.statement = statement;
  if (const auto tags = source.find("tags"); tags != source.end() && tags->is_object()) {
    for (const auto& [name, value] : tags->items()) series.tags.emplace(name, to_text(value));
  }
  for (const json& column : array_of(source, "columns")) series.columns.push_back(to_text(column));
  for (const json& row : array_of(source, "values")) {
    auto& values = series.rows.emplace_back();
    for (const json& cell : row) values.push_back(to_value(cell));
  }
  return series;
}

}  // namespace

const Value& ResultSet::at(std::size_t row, std::string_view column) const noexcept {
  const auto found = std::ranges::find(columns, column);
  const auto index = static_cast<std::size_t>(found - columns.begin());
  if (row >= rows.size() || index >= rows[row].size() || found == columns.end()) return kNothing;
  return rows[row][index];
}

std::int64_t ResultSet::integer(std::size_t row, std::string_view column) const noexcept {
  const Value& value = at(row, column);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole;
  if (const auto* real = std::get_if<double>(&value)) return static_cast<std::int64_t>(*real);
  return 0;
}

std::string ResultSet::text(std::size_t row, std::string_view column) const {
  const auto* text = std::get_if<std::string>(&at(row, column));
  return text == nullptr ? std::string() : *text;
}

std::string ResultSet::tag(std::string_view name) const {
  const auto found = tags.find(name);
  return found == tags.end() ? std::string() : found->second;
}

Result<std::vector<ResultSet>> parse_answer(std::string_view body) {
  const json answer = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object()) return fail(fmt::format("no InfluxDB answer: '{}'", printable(body.substr(0, 80))));
  for (const char* member : {"error", "message"}) {
    if (const auto error = answer.find(member); error != answer.end()) return fail(printable(to_text(*error)));
  }
  std::vector<ResultSet> all;
  std::size_t statement = 0;
  for (const json& result : array_of(answer, "results")) {
    if (!result.is_object()) return fail("no InfluxDB answer: a result is no object");
    if (const auto error = result.find("error"); error != result.end()) return fail(printable(to_text(*error)));
    for (const json& series : array_of(result, "series")) {
      if (series.is_object()) all.push_back(to_series(series, statement));
    }
    ++statement;
  }
  return all;
}

Result<std::vector<ResultSet>> query(Database& http, std::string_view statements) {
  const auto& target = http.target();
  auto reply =
      http.get(fmt::format("/query?epoch=ns&db={}&q={}", http::escape(target.database), http::escape(statements)));
  if (!reply) return fail(std::move(reply).error());
  if (reply->status == 401 || reply->status == 403) {
    return fail(
        fmt::format("{} does not let us in (HTTP {}): give --token-file, or --username and KPULSE_INFLUX_PASSWORD",
                    target.url, reply->status));
  }
  auto answer = parse_answer(reply->body);
  if (!answer) return fail(std::move(answer).error().with(fmt::format("{} (HTTP {})", target.url, reply->status)));
  return answer;
}

std::string literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "'";
}

}  // namespace kpulse::cli
