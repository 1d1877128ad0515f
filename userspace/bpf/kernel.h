// What the running kernel offers: its BTF, and what this process may do.
#pragma once

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/handle.h"
#include "base/result.h"

namespace kpulse::bpf {

/// The kernel's type information. Costs a few MB while it lives: ask, then let go.
class KernelTypes {
 public:
  /// An Error says how to get a kernel with BTF.
  [[nodiscard]] static Result<KernelTypes> load();

  /// Number of arguments of a tracepoint, without the leading context; nothing when the kernel has no such tracepoint.
  [[nodiscard]] std::optional<int> tracepoint_arguments(std::string_view tracepoint) const;

  /// Whether there is a function of this name in the type information.
  [[nodiscard]] bool has_function(std::string_view name) const;

  /// Whether a struct has a member (of its own or of an anonymous struct or union in it).
  [[nodiscard]] bool has_field(std::string_view structure, std::string_view field) const;

  /// Value of an enumerator; nothing when the kernel does not have it.
  [[nodiscard]] std::optional<std::int64_t> enumerator(std::string_view enumeration, std::string_view name) const;

  /// The same for whatever enumeration has it, also one without a name, which CO-RE cannot find. Takes about 1 ms.
  [[nodiscard]] std::optional<std::int64_t> enumerator(std::string_view name) const;

 private:
  explicit KernelTypes(btf* types) : types_(types) {}
  Handle<btf, btf__free> types_;
};

/// "6.18.44": what uname -r says.
[[nodiscard]] std::string kernel_release();

/// An Error for a failed BPF call: tells missing permission from everything else, and what to do.
[[nodiscard]] Error bpf_error(std::string_view what, int error);

}  // namespace kpulse::bpf
