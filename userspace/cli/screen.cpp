#include "cli/screen.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/text.h"

namespace kpulse::cli {
namespace {

constexpr std::size_t kUnknownWidth = 1000;

std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUnknownWidth;
}

std::size_t terminal_rows() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row : kUnknownWidth;
}

}  // namespace

Screen::Screen() : terminal_(::isatty(STDOUT_FILENO) == 1) {}

void Screen::show(const std::vector<std::string>& lines) {
  std::string out;
  if (terminal_ && shown_ > 0) out = fmt::format("\x1b[{}A\x1b[J", shown_);
  // A line that wraps or scrolls away could not be written over again.
  const std::size_t columns = terminal_ ? terminal_columns() : kUnknownWidth;
  shown_ = terminal_ ? std::min(lines.size(), terminal_rows() - 1) : lines.size();
  for (std::size_t i = 0; i < shown_; ++i) out += fitted(lines[i], columns) + '\n';
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
}

}  // namespace kpulse::cli
