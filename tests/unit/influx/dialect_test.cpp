#include "influx/dialect.h"

#include <gtest/gtest.h>

namespace kpulse::influx {
namespace {

const Server kServer{.url = "http://db:8086/",
                     .database = "k p",
                     .policy = "hires",
                     .org = "o&o",
                     .bucket = "b",
                     .token = "",
                     .username = "u",
                     .password = "p"};

TEST(Dialect, VersionOneWritesToADatabaseAndPolicyWithUserAndPassword) {
  const Request request = write_request(Version::v1, kServer);
  EXPECT_EQ(request.url, "http://db:8086/write?db=k%20p&rp=hires&precision=ns");
  EXPECT_EQ(request.username, "u");
  EXPECT_EQ(request.password, "p");
  Server server = kServer;
  server.policy.clear();
  EXPECT_EQ(write_request(Version::v1, server).url, "http://db:8086/write?db=k%20p&precision=ns");
}

TEST(Dialect, VersionTwoWritesToABucketWithAToken) {
  Server server = kServer;
  server.token = "secret";
  const Request request = write_request(Version::v2, server);
  EXPECT_EQ(request.url, "http://db:8086/api/v2/write?org=o%26o&bucket=b&precision=ns");
  EXPECT_EQ(request.headers.front(), "Authorization: Token secret");
  EXPECT_EQ(request.username, "");
}

TEST(Dialect, VersionThreeTakesPartialWritesAndDoesNotWait) {
  Server server = kServer;
  server.token = "secret";
  const Request request = write_request(Version::v3, server);
  EXPECT_EQ(request.url,
            "http://db:8086/api/v3/write_lp?db=k%20p&precision=nanosecond&accept_partial=true&no_sync=true");
  EXPECT_EQ(request.headers.front(), "Authorization: Bearer secret");
}

TEST(Dialect, VersionsAreReadFromHeaderAndBody) {
  EXPECT_EQ(parse_version(" 1.6.7"), Version::v1);
  EXPECT_EQ(parse_version("v2.7.1"), Version::v2);
  EXPECT_EQ(parse_version("3.0.0-beta"), Version::v3);
  EXPECT_EQ(parse_version(""), std::nullopt);
  EXPECT_EQ(parse_version("9.1"), std::nullopt);
  EXPECT_EQ(parse_version("12.1"), std::nullopt);
  EXPECT_EQ(version_in_body(R"({"name":"influxdb", "version": "v2.7.1"})"), Version::v2);
  EXPECT_EQ(version_in_body(R"({"status":"pass"})"), std::nullopt);
  EXPECT_EQ(version_in_body("\"version\""), std::nullopt);
  EXPECT_EQ(guess_version({.bucket = "b"}), Version::v2);
  EXPECT_EQ(guess_version({}), Version::v1);
}

TEST(Dialect, UrlsAreChecked) {
  EXPECT_TRUE(check_url("http://127.0.0.1:8086"));
  EXPECT_TRUE(check_url("https://db.example/influx/"));
  for (const std::string_view url :
       {"", "db:8086", "ftp://db", "http://", "http://db?x", "http://db/ a", "http:///x"}) {
    EXPECT_FALSE(check_url(url)) << url;
  }
}

}  // namespace
}  // namespace kpulse::influx
