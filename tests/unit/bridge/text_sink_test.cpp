#include "bridge/text_sink.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "bridge/batcher.h"
#include "sample.h"

namespace kpulse::bridge {
namespace {

std::shared_ptr<const Batch> batch() {
  std::shared_ptr<const Batch> taken;
  Batcher batcher({}, [&](std::shared_ptr<const Batch> one) { taken = std::move(one); });
  batcher.add(test::frame_of(1), 0);
  batcher.flush();
  return taken;
}

TEST(TextSink, AppendsLinesToAFile) {
  const std::string path = testing::TempDir() + "kpulse-sink-" + std::to_string(::getpid());
  for (int round = 0; round < 2; ++round) {
    const auto sink = TextSink::open(path);
    ASSERT_TRUE(sink);
    EXPECT_EQ((*sink)->write(*batch()).committed, 10U);
  }
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(text, std::string(batch()->text.view()) + std::string(batch()->text.view()));
  std::filesystem::remove(path);
}

TEST(TextSink, AFileThatCannotBeOpenedIsAMistakeOfTheConfiguration) {
  const auto sink = TextSink::open("/nonexistent/folder/file");
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().exit_status(), 2);
  EXPECT_NE(sink.error().message.find("sink_file"), std::string::npos);
}

TEST(TextSink, LinesThatDoNotFitOnTheDiskAreCounted) {
  const auto sink = TextSink::open("/dev/full");
  ASSERT_TRUE(sink);
  const Delivery delivery = (*sink)->write(*batch());
  EXPECT_EQ(delivery.committed, 0U);
  EXPECT_EQ(delivery.dropped[static_cast<std::size_t>(Drop::refused)], 10U);
}

}  // namespace
}  // namespace kpulse::bridge
