// Temporary folders and small files.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace kpulse::test {

/// A new empty folder under the system's temporary one; removed with everything in it at the end.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Writes a file in it and returns its full path.
  std::string write(std::string_view name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

/// The whole file; empty when it cannot be read.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// Full path of a program in PATH or the sbin folders (which an ordinary user's PATH may lack).
[[nodiscard]] std::optional<std::string> find_program(std::string_view name);

}  // namespace kpulse::test
