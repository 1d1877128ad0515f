#include "bridge/text_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace kpulse::bridge {
namespace {

constexpr int kPollMs = 100;
constexpr mode_t kMode = 0644;
constexpr std::size_t kMaxPipeWrite = 4096;  // a pipe that poll calls writable takes as much without blocking
constexpr std::size_t kMaxFileWrite = 1U << 20U;

std::size_t max_write(int fd) {
  struct stat about {};
  return ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode) ? kMaxFileWrite : kMaxPipeWrite;
}

}  // namespace

TextSink::TextSink(FileDescriptor file) : file_(std::move(file)), max_write_(max_write(file_.get())) {}

Result<std::unique_ptr<TextSink>> TextSink::open(const std::string& path) {
  FileDescriptor file(path == "-" ? ::dup(STDOUT_FILENO)
                                  : ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode));
  if (!file) return fail(fmt::format("sink_file: cannot open {}: {}", path, std::strerror(errno)), ErrorKind::usage);
  return std::unique_ptr<TextSink>(new TextSink(std::move(file)));
}

/// A reader that does not read must not keep the program from ending.
bool TextSink::wait_writable() const {
  pollfd waiting{.fd = file_.get(), .events = POLLOUT, .revents = 0};
  while (!aborted_) {
    if (::poll(&waiting, 1, kPollMs) > 0) return true;
  }
  return false;
}

Delivery TextSink::write(const Batch& batch) {
  std::string_view left = batch.text.view();
  while (!left.empty() && wait_writable()) {
    const ssize_t wrote = ::write(file_.get(), left.data(), std::min(left.size(), max_write_));
    if (wrote < 0 && errno != EINTR && errno != EAGAIN) {
      if (!failed_) spdlog::error("sink: cannot write: {}", std::strerror(errno));
      failed_ = true;
      break;
    }
    if (wrote > 0) left.remove_prefix(static_cast<std::size_t>(wrote));
  }
  Delivery delivery;
  const auto undone = static_cast<std::uint64_t>(std::ranges::count(left, '\n'));
  delivery.committed = batch.text.lines() - undone;
  delivery.dropped[static_cast<std::size_t>(aborted_ ? Drop::shutdown : Drop::refused)] = undone;
  if (undone == 0) failed_ = false;
  return delivery;
}

}  // namespace kpulse::bridge
