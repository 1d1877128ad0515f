#include "support/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

#include "support/wait.h"

namespace kpulse::test {
namespace {

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_with(const SpawnOptions& options) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    bool replaced = false;
    for (const auto& added : options.environment) replaced = replaced || added.first == name;
    if (!replaced) result.push_back(text);
  }
  for (const auto& [name, value] : options.environment) result.push_back(name + "=" + value);
  return result;
}

// Between fork and exec in a threaded program: only async-signal-safe calls.
[[noreturn]] void become(char** argv, char** environment, const char* output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int fd = open(output, O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int empty = open("/dev/null", O_RDONLY);
  dup2(empty, STDIN_FILENO);
  dup2(fd, STDOUT_FILENO);
  dup2(fd, STDERR_FILENO);
  close_range(3, ~0U, 0);
  execvpe(argv[0], argv, environment);
  _exit(127);
}

}  // namespace

Process Process::spawn(const std::vector<std::string>& argv, const SpawnOptions& options) {
  std::vector<std::string> words = argv;
  std::vector<std::string> variables = environment_with(options);
  const auto argument_pointers = pointers(words);
  const auto variable_pointers = pointers(variables);
  const std::string output = options.output.empty() ? "/dev/null" : options.output.string();
  Process child;
  child.pid_ = fork();
  if (child.pid_ < 0) throw std::runtime_error("cannot fork");
  if (child.pid_ == 0) {
    become(const_cast<char**>(argument_pointers.data()), const_cast<char**>(variable_pointers.data()), output.c_str());
  }
  return child;
}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    stop(SIGKILL);
    pid_ = std::exchange(other.pid_, -1);
    status_ = other.status_;
  }
  return *this;
}

Process::~Process() {
  stop(SIGKILL);
}

bool Process::running() {
  return pid_ > 0 && !wait(std::chrono::milliseconds(0));
}

void Process::signal(int number) const {
  if (pid_ > 0 && !status_) ::kill(pid_, number);
}

std::optional<int> Process::wait(std::chrono::milliseconds limit) {
  if (status_ || pid_ <= 0) return status_;
  int raw = 0;
  const bool ended = wait_until([this, &raw] { return waitpid(pid_, &raw, WNOHANG) == pid_; }, limit);
  if (ended) status_ = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
  return status_;
}

std::optional<int> Process::stop(int number, std::chrono::milliseconds limit) {
  signal(number);
  if (!wait(limit) && pid_ > 0) {
    signal(SIGKILL);
    wait();
  }
  return status_;
}

int run(const std::vector<std::string>& argv, const std::filesystem::path& output) {
  Process child = Process::spawn(argv, {.output = output, .environment = {}});
  return child.stop(0, std::chrono::seconds(60)).value_or(-1);
}

}  // namespace kpulse::test
