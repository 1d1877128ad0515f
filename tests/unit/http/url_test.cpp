#include "http/url.h"

#include <gtest/gtest.h>

namespace kpulse::http {
namespace {

TEST(Url, LoopbackIsRecognised) {
  for (const std::string_view url :
       {"http://127.0.0.1:8086", "http://localhost/", "http://[::1]:8086", "http://u:p@127.1.2.3"}) {
    EXPECT_TRUE(is_loopback(url)) << url;
  }
  for (const std::string_view url :
       {"http://db:8086", "http://10.127.0.1", "http://localhost.evil.example", "http://[::2]:80"}) {
    EXPECT_FALSE(is_loopback(url)) << url;
  }
}

TEST(Url, WhatIsNoLetterDigitOrMarkIsEscaped) {
  EXPECT_EQ(escape("aZ09-_.~"), "aZ09-_.~");
  EXPECT_EQ(escape("a b&c=\xff+/"), "a%20b%26c%3D%FF%2B%2F");
}

}  // namespace
}  // namespace kpulse::http
