// Line protocol to standard output or to a file.
#pragma once

#include <memory>
#include <string>

#include "base/handle.h"
#include "base/result.h"
#include "bridge/sink.h"

namespace kpulse::bridge {

class TextSink final : public Sink {
 public:
  /// "-" is standard output; a file is created, or appended to.
  [[nodiscard]] static Result<std::unique_ptr<TextSink>> open(const std::string& path);

  [[nodiscard]] Delivery write(const Batch& batch) override;
  void abort() override { aborted_ = true; }

 private:
  explicit TextSink(FileDescriptor file);
  bool wait_writable() const;

  FileDescriptor file_;
  std::size_t max_write_;
  std::atomic<bool> aborted_{false};
  bool failed_ = false;
};

}  // namespace kpulse::bridge
