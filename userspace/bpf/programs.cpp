#include "bpf/programs.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "bpf/libbpf_log.h"

namespace kpulse::bpf {
namespace {

/// Not attached to anything: the agent runs it.
bool is_run(const bpf_program* program) {
  return std::string_view(bpf_program__section_name(program)) == "raw_tp";
}

}  // namespace

std::uint64_t recursion_misses(bpf_object* object) {
  std::uint64_t missed = 0;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    const int fd = bpf_program__fd(program);
    if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0) missed += info.recursion_misses;
  }
  return missed;
}

Result<> Programs::load(const std::function<Result<>()>& open, const std::function<int()>& load) {
  for (;;) {
    wanted_.clear();
    status_.clear();
    if (auto opened = open(); !opened) return opened;
    static_cast<void>(take_libbpf_warning());
    const int error = load();
    if (error == 0) return {};
    // Without permission every program fails: nothing to be gained by leaving some out.
    if (error == -EPERM || !refuse()) return fail(bpf_error(probe_ + ": cannot load the programs", error));
  }
}

/// True when there is a program to be left out of the next attempt.
bool Programs::refuse() {
  RefusedProgram refused = take_refused_program();
  const auto named = [&](const bpf_program* program) { return refused.name == bpf_program__name(program); };
  if (std::ranges::none_of(wanted_, named)) return false;
  return refused_.try_emplace(std::move(refused.name), "the kernel refused it: " + refused.reason).second;
}

void Programs::report(const bpf_program* program, std::string reason) {
  status_.push_back(
      {.probe = probe_, .name = bpf_program__name(program), .attached = false, .reason = std::move(reason)});
}

void Programs::want(const KernelTypes& types, bpf_program* program) {
  const std::string section = bpf_program__section_name(program);
  const std::string name = section.substr(section.find('/') + 1);
  const bool is_iterator = section.starts_with("iter/");
  const bool exists = is_run(program) || (is_iterator ? types.has_function("bpf_iter_" + name)
                                                      : types.tracepoint_arguments(name).has_value());
  const auto refused = refused_.find(bpf_program__name(program));
  const bool loads = exists && refused == refused_.end();
  bpf_program__set_autoload(program, loads);
  if (loads) return wanted_.push_back(program);
  report(program, exists ? refused->second
                         : "this kernel has no " + std::string(is_iterator ? "iterator " : "tracepoint ") + name);
}

void Programs::attach() {
  for (bpf_program* program : wanted_) {
    ProgramStatus status{.probe = probe_, .name = bpf_program__name(program), .attached = false, .reason = {}};
    if (is_run(program)) {
      status.attached = true;
    } else if (Link link{bpf_program__attach(program)}) {
      status.attached = true;
      links_.insert_or_assign(status.name, std::move(link));
    } else {
      status.reason = bpf_error("attach", errno).message;
    }
    status_.push_back(std::move(status));
  }
  wanted_.clear();
}

const bpf_link* Programs::link(std::string_view name) const {
  const auto found = links_.find(name);
  return found == links_.end() ? nullptr : found->second.get();
}

void Programs::pause(std::string_view name) {
  if (const auto found = links_.find(name); found != links_.end()) links_.erase(found);
}

Result<> Programs::resume(bpf_program* program) {
  Link link{bpf_program__attach(program)};
  if (!link) return fail(bpf_error("attach", errno));
  links_.insert_or_assign(bpf_program__name(program), std::move(link));
  return {};
}

bool Programs::attached(std::string_view name) const {
  return std::ranges::any_of(status_,
                             [&](const ProgramStatus& status) { return status.attached && status.name == name; });
}

}  // namespace kpulse::bpf
