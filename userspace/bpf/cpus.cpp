#include "bpf/cpus.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

namespace kpulse::bpf {
namespace {

constexpr std::uint32_t kMaxCpus = 4096;

/// Takes a number off the front of the text; false when there is none, or none that a CPU can have.
bool take_number(std::string_view& text, std::uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number >= kMaxCpus) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_character(std::string_view& text, char character) {
  if (!text.starts_with(character)) return false;
  text.remove_prefix(1);
  return true;
}

std::vector<std::uint32_t> read_cpus(const char* file) {
  std::string line;
  std::getline(std::ifstream(file), line);
  return parse_cpus(line);
}

}  // namespace

std::vector<std::uint32_t> parse_cpus(std::string_view list) {
  std::vector<std::uint32_t> cpus;
  do {
    std::uint32_t first = 0;
    if (!take_number(list, first)) return {};
    std::uint32_t last = first;
    if (take_character(list, '-') && (!take_number(list, last) || last < first)) return {};
    for (std::uint32_t cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  } while (take_character(list, ','));
  if (!list.empty() || !std::ranges::is_sorted(cpus)) return {};
  return cpus;
}

std::vector<std::uint32_t> online_cpus() {
  return read_cpus("/sys/devices/system/cpu/online");
}

std::uint32_t present_cpus() {
  const std::vector<std::uint32_t> present = read_cpus("/sys/devices/system/cpu/present");
  if (!present.empty()) return present.back() + 1;
  return static_cast<std::uint32_t>(std::max(libbpf_num_possible_cpus(), 1));
}

}  // namespace kpulse::bpf
