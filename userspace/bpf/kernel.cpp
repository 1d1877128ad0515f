#include "bpf/kernel.h"

#include <sys/utsname.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "bpf/libbpf_log.h"

namespace kpulse::bpf {
namespace {

bool member_in(const btf* types, const btf_type* structure, std::string_view field) {
  const btf_member* members = btf_members(structure);
  for (int index = 0; index < btf_vlen(structure); ++index) {
    const char* name = btf__name_by_offset(types, members[index].name_off);
    if (field == name) return true;
    const btf_type* inner = btf__type_by_id(types, members[index].type);
    if (name[0] == '\0' && btf_is_composite(inner) && member_in(types, inner, field)) return true;
  }
  return false;
}

std::optional<std::int64_t> value_in(const btf* types, const btf_type* enumeration, std::string_view name) {
  for (const struct btf_enum& value : std::span(btf_enum(enumeration), btf_vlen(enumeration))) {
    if (name == btf__name_by_offset(types, value.name_off)) return value.val;
  }
  return std::nullopt;
}

}  // namespace

Result<KernelTypes> KernelTypes::load() {
  btf* types = btf__load_vmlinux_btf();
  if (types == nullptr) {
    return fail("this kernel has no type information (/sys/kernel/btf/vmlinux: " + std::string(std::strerror(errno)) +
                "); kpulse needs a kernel built with CONFIG_DEBUG_INFO_BTF=y, which Arch, Debian 11+, Ubuntu 20.10+ "
                "and Fedora have");
  }
  return KernelTypes(types);
}

std::optional<int> KernelTypes::tracepoint_arguments(std::string_view tracepoint) const {
  const std::string name = std::string("btf_trace_").append(tracepoint);
  const int id = btf__find_by_name_kind(types_.get(), name.c_str(), BTF_KIND_TYPEDEF);
  if (id < 0) return std::nullopt;
  const btf_type* pointer = btf__type_by_id(types_.get(), btf__type_by_id(types_.get(), static_cast<__u32>(id))->type);
  const btf_type* function = btf__type_by_id(types_.get(), pointer->type);
  return btf_vlen(function) - 1;
}

bool KernelTypes::has_function(std::string_view name) const {
  return btf__find_by_name_kind(types_.get(), std::string(name).c_str(), BTF_KIND_FUNC) >= 0;
}

bool KernelTypes::has_field(std::string_view structure, std::string_view field) const {
  const int id = btf__find_by_name_kind(types_.get(), std::string(structure).c_str(), BTF_KIND_STRUCT);
  return id >= 0 && member_in(types_.get(), btf__type_by_id(types_.get(), static_cast<__u32>(id)), field);
}

std::optional<std::int64_t> KernelTypes::enumerator(std::string_view enumeration, std::string_view name) const {
  const int id = btf__find_by_name_kind(types_.get(), std::string(enumeration).c_str(), BTF_KIND_ENUM);
  if (id < 0) return std::nullopt;
  return value_in(types_.get(), btf__type_by_id(types_.get(), static_cast<__u32>(id)), name);
}

std::optional<std::int64_t> KernelTypes::enumerator(std::string_view name) const {
  const btf_type* type = nullptr;
  for (__u32 id = 1; (type = btf__type_by_id(types_.get(), id)) != nullptr; ++id) {
    if (!btf_is_enum(type)) continue;
    if (const auto value = value_in(types_.get(), type, name)) return value;
  }
  return std::nullopt;
}

std::string kernel_release() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "unknown";
}

Error bpf_error(std::string_view what, int error) {
  const int code = error < 0 ? -error : error;
  if (code == EPERM || code == EACCES) {
    return {
        .message = std::string(what) +
                   ": not permitted; BPF needs root or the capabilities CAP_BPF and CAP_PERFMON (sudo, "
                   "AmbientCapabilities= in "
                   "the unit, --privileged or --cap-add BPF --cap-add PERFMON for a container; see docs/OPERATIONS.md)",
        .kind = ErrorKind::permission};
  }
  std::string message = std::string(what) + ": " + std::strerror(code);
  if (std::string warning = take_libbpf_warning(); !warning.empty()) message += " (" + warning + ")";
  return {.message = std::move(message), .kind = ErrorKind::failure};
}

}  // namespace kpulse::bpf
