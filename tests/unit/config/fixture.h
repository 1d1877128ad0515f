// A program with one key of every kind, and ways to load it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "config/schema.h"
#include "support/files.h"

namespace kpulse::config::test {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  ~ConfigTest() override {
    for (const auto& name : variables_) unsetenv(name.c_str());
  }

  void set_variable(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    variables_.push_back(name);
  }

  [[nodiscard]] Program program() {
    return {.name = "kpulse-test",
            .description = "A test",
            .keys = {{"window", Duration{&window, 1ms, 1s}, "Length of a window."},
                     {"mqtt.url", Text{&url}, "Where the broker is."},
                     {"mqtt.password", Text{&password}, "Password.", true},
                     {"mqtt.queue", Bytes{&queue, 64U << 10U, 1U << 30U}, "Bound of the queue."},
                     {"sink.kind", Choice{&kind, {"influx", "stdout"}}, "Where to write."},
                     {"sink.max_lines", Integer{&lines, 1, 10'000}, "Lines of a batch."},
                     {"sink.gzip", Flag{&gzip}, "Compress."}},
            .default_file = {}};
  }

  Result<Start> load_with(std::vector<std::string> arguments) {
    std::vector<const char*> argv{"kpulse-test"};
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    return load(program(), static_cast<int>(argv.size()), argv.data());
  }

  Result<Start> load_file(std::string_view text) { return load_with({"--config", folder_.write("c.toml", text)}); }

  /// What load says about a file, without the folder's name.
  std::string mistake_in(std::string_view text) {
    const auto result = load_file(text);
    if (result) return "no error";
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
    const std::string folder = folder_.path().string() + "/";
    const std::string& message = result.error().message;
    return message.starts_with(folder) ? message.substr(folder.size()) : message;
  }

  std::string mistake_with(std::vector<std::string> arguments) {
    const auto result = load_with(std::move(arguments));
    if (result) return "no error";
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
    return result.error().message;
  }

  std::chrono::nanoseconds window = 10ms;
  std::string url = "mqtt://127.0.0.1:1883";
  std::string password;
  std::uint64_t queue = 8U << 20U;
  std::string kind = "influx";
  std::int64_t lines = 5000;
  bool gzip = true;
  kpulse::test::TempDir folder_;

 private:
  std::vector<std::string> variables_;
};

}  // namespace kpulse::config::test
