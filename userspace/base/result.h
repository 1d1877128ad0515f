// Result<T>: a value, or an error that says what was tried and what to do.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace kpulse {

/// What kind of mistake an error is; the programs turn it into their exit status.
enum class ErrorKind {
  failure,     ///< something outside refused or broke: exit 1
  usage,       ///< a flag, a variable or a line of the configuration is wrong: exit 2
  permission,  ///< this process may not do it; the message says what is missing: exit 3
};

struct Error {
  std::string message;
  ErrorKind kind = ErrorKind::failure;

  /// The same error with what was being done in front: "what: message".
  [[nodiscard]] Error with(std::string_view what) && {
    return {.message = std::string(what) + ": " + std::move(message), .kind = kind};
  }

  [[nodiscard]] int exit_status() const noexcept {
    switch (kind) {
      case ErrorKind::usage:
        return 2;
      case ErrorKind::permission:
        return 3;
      case ErrorKind::failure:
        break;
    }
    return 1;
  }
};

template <class T = void>
using Result = tl::expected<T, Error>;

/// `return fail("cannot open x: ...")` from any function that returns a Result.
[[nodiscard]] inline tl::unexpected<Error> fail(std::string message, ErrorKind kind = ErrorKind::failure) {
  return tl::unexpected<Error>(Error{.message = std::move(message), .kind = kind});
}

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace kpulse
