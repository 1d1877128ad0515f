// What libbpf has to say: to the log, and kept for error messages.
#pragma once

#include <string>
#include <string_view>

namespace kpulse::bpf {

/// Routes libbpf's messages to the log (debug level), and keeps what it said of the last failure. Call once, at start.
void init_libbpf_log();

/// The first warning since the last call, without newline, for "why"; empty when there was none.
[[nodiscard]] std::string take_libbpf_warning();

/// A program that the kernel would not load.
struct RefusedProgram {
  std::string name;    ///< empty: no program was refused
  std::string reason;  ///< the verifier's last words, or libbpf's
};

/// The program refused since the last call. libbpf tells only in its messages which of an object's programs it was.
[[nodiscard]] RefusedProgram take_refused_program();

/// Reads one warning of libbpf, any version since 0.5, for what it says of a refused program. For init_libbpf_log().
void note_refusal(std::string_view warning, RefusedProgram& refused);

}  // namespace kpulse::bpf
