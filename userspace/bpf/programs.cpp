#include "bpf/programs.h"

#include <algorithm>
#include <cerrno>

namespace kpulse::bpf {

void Programs::want(const KernelTypes& types, bpf_program* program) {
  const std::string section = bpf_program__section_name(program);
  const std::string tracepoint = section.substr(section.find('/') + 1);
  const bool exists = types.tracepoint_arguments(tracepoint).has_value();
  bpf_program__set_autoload(program, exists);
  if (exists) {
    wanted_.push_back(program);
  } else {
    status_.push_back({.probe = probe_,
                       .name = bpf_program__name(program),
                       .attached = false,
                       .reason = "this kernel has no tracepoint " + tracepoint});
  }
}

void Programs::attach() {
  for (bpf_program* program : wanted_) {
    ProgramStatus status{.probe = probe_, .name = bpf_program__name(program), .attached = false, .reason = {}};
    if (Link link{bpf_program__attach(program)}) {
      status.attached = true;
      links_.push_back(std::move(link));
    } else {
      status.reason = bpf_error("attach", errno).message;
    }
    status_.push_back(std::move(status));
  }
  wanted_.clear();
}

bool Programs::attached(std::string_view name) const {
  return std::ranges::any_of(status_,
                             [&](const ProgramStatus& status) { return status.attached && status.name == name; });
}

}  // namespace kpulse::bpf
