// The part of `kpulse doctor` that needs the machine and the probes themselves.
#include <fmt/format.h>
#include <sys/utsname.h>

#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "bpf/kernel.h"
#include "bpf/libbpf_log.h"
#include "cgroups/table.h"
#include "cli/system_checks.h"
#include "cli/text.h"
#include "probes/probe.h"

namespace kpulse::cli {
namespace {

constexpr const char* kBtfPath = "/sys/kernel/btf/vmlinux";

std::string read_all(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void append(std::vector<Check>& checks, std::vector<Check> more) {
  checks.insert(checks.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

Check failed_probe(std::string_view probe, const Error& error) {
  return {.name = fmt::format("probe {}", probe),
          .verdict = error.kind == ErrorKind::permission ? Verdict::permission : Verdict::fail,
          .detail = printable(error.message),
          .advice = "docs/OPERATIONS.md, Permissions"};
}

/// A thread of its own takes what it got with it.
PriorityTaken try_priority() {
  PriorityTaken taken;
  std::thread([&taken] { taken = take_priority(); }).join();
  return taken;
}

}  // namespace

std::vector<Check> check_probes() {
  bpf::init_libbpf_log();  // what libbpf has to say is in the reasons
  std::vector<Check> checks;
  const auto types = bpf::KernelTypes::load();
  if (!types) return checks;  // check_btf() says so
  auto cgroups = cgroups::Table::open(*types);
  if (!cgroups) return {failed_probe("cgroup", cgroups.error())};
  append(checks, program_checks((*cgroups)->programs()));
  const probes::Machine machine{.types = *types, .cgroups = **cgroups};
  for (const auto& probe : probes::make_probes()) {
    const auto attached = probe->attach(machine);
    append(checks, program_checks(probe->programs()));
    if (!attached) checks.push_back(failed_probe(probe->name(), attached.error()));
  }
  return checks;
}

std::vector<Check> system_checks() {
  utsname names{};
  ::uname(&names);
  std::vector<Check> checks{check_kernel(names.release), check_btf(kBtfPath),
                            check_capabilities(effective_capabilities(read_all("/proc/self/status")).value_or(0)),
                            check_priority(try_priority())};
  for (Check& check : check_probes()) checks.push_back(std::move(check));
  return checks;
}

}  // namespace kpulse::cli
