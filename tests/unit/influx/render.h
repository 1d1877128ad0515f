// Frames to lines, for tests.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "influx/line.h"

namespace kpulse::influx::test {

inline std::string render(const Frame& frame) {
  LineRenderer renderer;
  LineBuffer out;
  std::string text;
  renderer.render(frame, out, 5000, [&]() -> LineBuffer& {
    text.append(out.view());
    out.clear();
    return out;
  });
  return text.append(out.view());
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace kpulse::influx::test
