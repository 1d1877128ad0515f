// Child processes of a test: started, watched and ended by pid, never left behind.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kpulse::test {

struct SpawnOptions {
  std::filesystem::path output;  ///< stdout and stderr are appended here; empty: /dev/null
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to the test's own
};

/// A child process. The destructor kills and reaps it. When the thread that spawned it ends, the kernel kills it too,
/// so spawn from the test's main thread.
class Process {
 public:
  Process() = default;
  /// argv[0] is looked up in PATH. Throws when it cannot be started; a failed exec ends the child with status 127.
  static Process spawn(const std::vector<std::string>& argv, const SpawnOptions& options = {});

  Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}
  Process& operator=(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] bool running();
  void signal(int number) const;

  /// Waits for the end: the exit status, or 128 + the signal's number; nothing when it still runs after the limit.
  std::optional<int> wait(std::chrono::milliseconds limit = std::chrono::seconds(10));
  /// Signals and waits; SIGKILL when it has not ended within the limit.
  std::optional<int> stop(int number = SIGTERM, std::chrono::milliseconds limit = std::chrono::seconds(10));

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

/// Runs a program to its end and returns its exit status; its output goes to `output` when given.
int run(const std::vector<std::string>& argv, const std::filesystem::path& output = {});

}  // namespace kpulse::test
