// A few lines of a terminal that are written over in place; plain lines where there is no terminal.
#pragma once

#include <string>
#include <vector>

namespace kpulse::cli {

class Screen {
 public:
  Screen();

  [[nodiscard]] bool terminal() const noexcept { return terminal_; }

  /// On a terminal replaces what show() wrote last; otherwise appends.
  void show(const std::vector<std::string>& lines);

 private:
  bool terminal_;
  std::size_t shown_ = 0;
};

}  // namespace kpulse::cli
