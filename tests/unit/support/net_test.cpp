#include "support/net.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <set>

#ifndef IP_LOCAL_PORT_RANGE  // Linux 6.3
#define IP_LOCAL_PORT_RANGE 51
#endif

namespace kpulse::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int bind_to(const FileDescriptor& socket, std::uint16_t port) {
  const sockaddr_in address = loopback(port);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

/// A socket that shares its port, as servers do, or does not.
FileDescriptor socket_that(bool shares) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int value = shares ? 1 : 0;
  EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &value, sizeof value), 0);
  return socket;
}

/// When the kernel has to choose a port for this socket, it has no other choice than this one. False where it does not
/// know that option.
bool leave_no_choice_but(std::uint16_t port, const FileDescriptor& socket) {
  const std::uint32_t range = static_cast<std::uint32_t>(port) << 16 | port;
  return ::setsockopt(socket.get(), IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof range) == 0;
}

TEST(FreePort, IsNeverGivenTwice) {
  std::set<std::uint16_t> ports;
  for (int claims = 0; claims < 500; ++claims) EXPECT_TRUE(ports.insert(free_port()).second);
}

TEST(FreePort, IsNotChosenForAnOutgoingConnection) {
  const Listener server = listen_on_loopback();
  const std::uint16_t port = free_port();
  const FileDescriptor client = socket_that(false);
  if (!leave_no_choice_but(port, client)) GTEST_SKIP() << "this kernel is older than 6.3 (IP_LOCAL_PORT_RANGE)";
  const sockaddr_in address = loopback(server.port);
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), -1);
  EXPECT_EQ(errno, EADDRNOTAVAIL);
}

TEST(FreePort, IsNotGivenToWhoAsksForAnyPort) {
  const std::uint16_t port = free_port();
  for (const bool shares : {false, true}) {
    const FileDescriptor other = socket_that(shares);
    if (!leave_no_choice_but(port, other)) GTEST_SKIP() << "this kernel is older than 6.3 (IP_LOCAL_PORT_RANGE)";
    EXPECT_EQ(bind_to(other, 0), -1);
    EXPECT_EQ(errno, EADDRINUSE);
  }
}

TEST(FreePort, RefusesConnectionsUntilAServerListensThereAndAgainAfterwards) {
  const std::uint16_t port = free_port();
  for (int starts = 0; starts < 2; ++starts) {
    EXPECT_FALSE(port_open(port));
    const FileDescriptor server = socket_that(true);
    ASSERT_EQ(bind_to(server, port), 0);
    ASSERT_EQ(::listen(server.get(), 1), 0);
    EXPECT_TRUE(port_open(port));
    EXPECT_EQ(bind_to(socket_that(true), port), -1) << "two servers on one port";
  }
  EXPECT_FALSE(port_open(port));
}

}  // namespace
}  // namespace kpulse::test
