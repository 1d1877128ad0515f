#include "config/toml_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <tuple>

#include "config/names.h"
#include "config/value.h"

namespace kpulse::config {
namespace {

/// Walks a parsed file and keeps what is wrong with it, in the order of the lines.
class Walk {
 public:
  Walk(const std::string& path, std::span<const Key> keys) : path_(path), keys_(keys) {
    for (const Key& key : keys) names_.push_back(key.name);
  }

  void table(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) entry(key, node, prefix + std::string(key.str()));
  }

  [[nodiscard]] Result<> verdict() {
    if (mistakes_.empty()) return {};
    std::sort(mistakes_.begin(), mistakes_.end());
    const auto& [line, column, what] = mistakes_.front();
    std::string message = fmt::format("{}:{}:{}: {}", path_, line, column, what);
    if (mistakes_.size() > 1) message += fmt::format(" (and {} more in this file)", mistakes_.size() - 1);
    return fail(std::move(message), ErrorKind::usage);
  }

 private:
  void entry(const toml::key& name, const toml::node& node, const std::string& full) {
    const auto key = std::find_if(keys_.begin(), keys_.end(), [&full](const Key& k) { return k.name == full; });
    if (key != keys_.end()) return value(*key, node);
    const bool section = std::any_of(names_.begin(), names_.end(),
                                     [prefix = full + "."](const std::string& n) { return n.starts_with(prefix); });
    if (section && node.is_table()) return table(*node.as_table(), full + ".");
    if (section) return mistake(node.source().begin, fmt::format("{} is a section: write [{}]", full, full));
    mistake(name.source().begin, fmt::format("unknown key \"{}\"{}", full, suggestion(full, names_)));
  }

  void value(const Key& key, const toml::node& node) {
    const bool takes_flag = std::holds_alternative<Flag>(key.value);
    const bool takes_number = std::holds_alternative<Integer>(key.value) || std::holds_alternative<Bytes>(key.value);
    const bool takes_text = !takes_flag && !std::holds_alternative<Integer>(key.value);
    std::string text;
    if (node.is_string() && takes_text) {
      text = node.as_string()->get();
    } else if (node.is_integer() && takes_number) {
      text = std::to_string(node.as_integer()->get());
    } else if (node.is_boolean() && takes_flag) {
      text = node.as_boolean()->get() ? "true" : "false";
    } else {
      return mistake(node.source().begin, fmt::format("{} takes {}{}, got {}", key.name, allowed(key.value),
                                                      takes_text ? " in quotes" : "", type_name(node)));
    }
    if (auto assigned = assign(key, text); !assigned) mistake(node.source().begin, assigned.error().message);
  }

  static std::string type_name(const toml::node& node) {
    std::ostringstream name;
    name << node.type();
    return "a value of type " + name.str();
  }

  void mistake(const toml::source_position& where, std::string what) {
    mistakes_.emplace_back(where.line, where.column, std::move(what));
  }

  const std::string& path_;
  std::span<const Key> keys_;
  std::vector<std::string> names_;
  std::vector<std::tuple<toml::source_index, toml::source_index, std::string>> mistakes_;
};

Result<std::string> read_all(const std::string& path) {
  errno = 0;
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(path, ignored);
  if (folder) errno = EISDIR;
  std::ifstream in;
  if (!folder) in.open(path, std::ios::binary);
  if (!in.is_open()) {
    return fail(fmt::format("{}: cannot read it: {}", path, std::strerror(errno)), ErrorKind::usage);
  }
  std::string text(std::istreambuf_iterator<char>(in), {});
  return text;
}

}  // namespace

Result<> read_toml(const std::string& path, std::span<const Key> keys) {
  const auto text = read_all(path);
  if (!text) return fail(text.error());
  try {
    Walk walk(path, keys);
    walk.table(toml::parse(*text, path), "");
    return walk.verdict();
  } catch (const toml::parse_error& error) {
    const auto& where = error.source().begin;
    return fail(fmt::format("{}:{}:{}: {}", path, where.line, where.column, error.description()), ErrorKind::usage);
  }
}

}  // namespace kpulse::config
