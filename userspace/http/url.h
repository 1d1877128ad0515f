// What is asked of a URL before it is used. Pure.
#pragma once

#include <string>
#include <string_view>

namespace kpulse::http {

/// Host of http://user@host:port/path, without the port; empty when there is none.
[[nodiscard]] std::string_view host_of(std::string_view url) noexcept;

/// True for 127.x, localhost and [::1].
[[nodiscard]] bool is_loopback(std::string_view url) noexcept;

/// `text` as part of a query string.
[[nodiscard]] std::string escape(std::string_view text);

}  // namespace kpulse::http
