#include "base/handle.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <csignal>

#include "base/clock.h"
#include "base/result.h"
#include "base/signals.h"

namespace kpulse {
namespace {

int freed = 0;
void count_free(int* handle) {
  ++freed;
  delete handle;
}

bool is_open(int fd) {
  return fcntl(fd, F_GETFD) >= 0;
}

TEST(Handle, FreesWithItsFunctionExactlyOnce) {
  {
    Handle<int, count_free> first(new int(1));
    const auto second = std::move(first);
  }
  EXPECT_EQ(freed, 1);
}

TEST(FileDescriptor, ClosesWhatItOwnsAndNotWhatItGaveAway) {
  FileDescriptor first(open("/dev/null", O_RDONLY));
  FileDescriptor second(open("/dev/null", O_RDONLY));
  const int closed = second.get();
  const int kept = first.get();
  second = std::move(first);
  EXPECT_FALSE(is_open(closed));
  EXPECT_FALSE(first);
  EXPECT_EQ(second.release(), kept);
  EXPECT_FALSE(second);
  EXPECT_TRUE(is_open(kept));
  { const FileDescriptor last(kept); }
  EXPECT_FALSE(is_open(kept));
}

TEST(BlockSignals, BlocksThemOnlyWhileItLives) {
  const auto blocked = [] {
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    return sigismember(&now, SIGTERM) == 1;
  };
  EXPECT_FALSE(blocked());
  {
    const BlockSignals block;
    EXPECT_TRUE(blocked());
  }
  EXPECT_FALSE(blocked());
}

TEST(Result, KeepsTheKindOfAnErrorAndSaysWhatWasBeingDone) {
  const Result<int> result = fail(Error{.message = "no such file", .kind = ErrorKind::usage}.with("config"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "config: no such file");
  EXPECT_EQ(result.error().exit_status(), 2);
  EXPECT_EQ(Error{}.exit_status(), 1);
  EXPECT_EQ(Error{.kind = ErrorKind::permission}.exit_status(), 3);
}

TEST(Clock, NeverGoesBack) {
  const auto before = monotonic_ns();
  EXPECT_GE(monotonic_ns(), before);
  EXPECT_GT(wall_ns(), 1'600'000'000'000'000'000U);
  EXPECT_GT(process_cpu_ns(), 0U);
}

}  // namespace
}  // namespace kpulse
