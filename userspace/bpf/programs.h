// Attaches the programs of an object one by one: one that cannot be attached is reported and costs only its own
// metrics.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/handle.h"
#include "base/result.h"
#include "bpf/kernel.h"
#include "model/frame.h"

namespace kpulse::bpf {

using Link = Handle<bpf_link, bpf_link__destroy>;

/// Runs of an object's programs that the kernel left out because another run of the same program was under way on that
/// CPU. One system call a program.
[[nodiscard]] std::uint64_t recursion_misses(bpf_object* object);

/// Programs that a probe wants on this kernel, and what became of them. Not for other threads.
class Programs {
 public:
  explicit Programs(std::string_view probe) : probe_(probe) {}

  /// Opens and loads an object. `open` opens it anew and calls want() and skip() for each of its programs, `load` loads
  /// it (0 or a negative error number). A program that the verifier refuses is reported and left out of the next
  /// attempt, so it costs only its own metrics.
  [[nodiscard]] Result<> load(const std::function<Result<>()>& open, const std::function<int()>& load);

  /// Takes a tp_btf or iter program into the load if the kernel has its tracepoint or iterator and has not refused it;
  /// otherwise it is reported as not attached. A raw_tp program without a tracepoint is one that the agent runs itself:
  /// it is attached when it is loaded.
  void want(const KernelTypes& types, bpf_program* program);

  /// Keeps a program out of the load without a report: another one does its work on this kernel.
  static void skip(bpf_program* program) { bpf_program__set_autoload(program, false); }

  /// Attaches all that were taken in. Call after the object was loaded.
  void attach();

  /// True when the program of this name is attached.
  [[nodiscard]] bool attached(std::string_view name) const;

  /// Its link; nullptr when it is not attached.
  [[nodiscard]] const bpf_link* link(std::string_view name) const;

  /// Detaches a program, and attaches it again. For tests: a kernel that hides what happens meanwhile.
  void pause(std::string_view name);
  [[nodiscard]] Result<> resume(bpf_program* program);

  [[nodiscard]] const std::vector<ProgramStatus>& status() const noexcept { return status_; }

 private:
  [[nodiscard]] bool refuse();
  void report(const bpf_program* program, std::string reason);

  std::string probe_;
  std::map<std::string, std::string, std::less<>> refused_;  // by name: why
  std::vector<bpf_program*> wanted_;
  std::vector<ProgramStatus> status_;
  std::map<std::string, Link, std::less<>> links_;
};

}  // namespace kpulse::bpf
