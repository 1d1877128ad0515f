#include "bpf/libbpf_log.h"

#include <bpf/libbpf.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <utility>

namespace kpulse::bpf {
namespace {

/// Most of one message that is looked at. The verifier's log comes as one message; its end is what matters, and libbpf
/// keeps logs short when asked for no details.
constexpr std::size_t kMaxMessage = 64U << 10U;

struct Said {
  std::string warning;
  RefusedProgram refused;
};

Said& said() {
  static Said instance;
  return instance;
}

std::string formatted(const char* format, va_list arguments) {
  std::string text(kMaxMessage, '\0');
  const int length = std::vsnprintf(text.data(), text.size(), format, arguments);
  text.resize(std::clamp<std::size_t>(static_cast<std::size_t>(std::max(length, 0)), 0, text.size() - 1));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

int on_message(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  const std::string text = formatted(format, arguments);
  spdlog::debug("{}", text);
  if (level != LIBBPF_WARN) return 0;
  if (said().warning.empty()) said().warning = text;
  note_refusal(text, said().refused);
  return 0;
}

std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
  const std::size_t begin = text.find(before);
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = text.substr(begin + before.size());
  return rest.substr(0, rest.find(after));
}

bool is_footer(std::string_view line) {
  return line.empty() || line.starts_with("processed ") || line.starts_with("-- END") || line.starts_with("libbpf:");
}

/// The verifier's last words stand above its statistics.
std::string_view last_words(std::string_view log) {
  while (!log.empty()) {
    const std::size_t begin = log.rfind('\n');
    const std::string_view line = begin == std::string_view::npos ? log : log.substr(begin + 1);
    if (!is_footer(line)) return line;
    log = log.substr(0, begin == std::string_view::npos ? 0 : begin);
  }
  return {};
}

}  // namespace

void init_libbpf_log() {
  libbpf_set_print(on_message);
}

std::string take_libbpf_warning() {
  return std::exchange(said().warning, {});
}

RefusedProgram take_refused_program() {
  return std::exchange(said().refused, {});
}

void note_refusal(std::string_view warning, RefusedProgram& refused) {
  if (warning.find("BEGIN PROG LOAD LOG") != std::string_view::npos) refused.reason = last_words(warning);
  if (warning.find("fail") == std::string_view::npos) return;
  std::string_view name = between(warning, "prog '", "'");
  if (name.empty()) name = between(warning, "failed to load program '", "'");
  if (!name.empty()) refused.name = name;
}

}  // namespace kpulse::bpf
