// SIGINT and SIGTERM as a question that loops ask.
#pragma once

namespace kpulse::cli {

/// From now on SIGINT and SIGTERM end no process; sleeps and system calls return early.
void catch_stop_signals();

/// True once one of them has come.
[[nodiscard]] bool stop_signalled() noexcept;

}  // namespace kpulse::cli
