#include "cgroups/names.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "support/files.h"

namespace kpulse::cgroups {
namespace {

namespace fs = std::filesystem;

std::uint64_t inode(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_ino;
}

TEST(Names, KnowsWhatItWasToldUntilItIsToForget) {
  Names names;
  EXPECT_EQ(names.find(7), "");
  names.set(7, "/a.slice");
  names.set(7, "/b.slice");
  EXPECT_EQ(names.find(7), "/b.slice");
  names.forget(7);
  EXPECT_EQ(names.find(7), "");
}

TEST(Names, KeepsTheEndOfAPathThatIsTooLong) {
  Names names;
  names.set(1, "/" + std::string(300, 'x') + "/container");
  EXPECT_EQ(names.find(1).size(), Names::kMaxName);
  EXPECT_TRUE(names.find(1).starts_with("...x"));
  EXPECT_TRUE(names.find(1).ends_with("x/container"));
}

TEST(Names, AWalkNamesEveryFolderByItsInodeAndNoFile) {
  const fs::path root = fs::temp_directory_path() / "kpulse_names_test";
  fs::create_directories(root / "system.slice" / "sshd.service");
  std::ofstream(root / "cgroup.procs") << "1";
  Names names;
  const Walk walk = names.walk(root.native());
  EXPECT_EQ(walk.ids.size(), 3U);
  EXPECT_TRUE(walk.complete);
  EXPECT_FALSE(walk.from_root);
  EXPECT_EQ(names.find(inode(root)), "/");
  EXPECT_EQ(names.find(inode(root / "system.slice" / "sshd.service")), "/system.slice/sshd.service");
  EXPECT_EQ(names.find(inode(root / "cgroup.procs")), "");
  fs::remove_all(root);
}

TEST(Names, AWalkIsNotCutShortByACgroupThatGoesAway) {
  const test::TempDir root;
  const std::string stays = root.path() / "stays";
  for (int number = 0; number < 20; ++number) fs::create_directories(fs::path(stays) / std::to_string(number));
  std::jthread churn([&](const std::stop_token& stop) {
    const std::string goes = root.path() / "goes";
    while (!stop.stop_requested()) {
      mkdir(goes.c_str(), 0755);
      rmdir(goes.c_str());
    }
  });
  Names names;
  for (int round = 0; round < 3000; ++round) {
    const Walk walk = names.walk(root.path().native());
    ASSERT_TRUE(walk.complete);
    ASSERT_GE(walk.ids.size(), 22U) << round;
  }
}

TEST(Names, AWalkOfWhatIsNotThereIsNotComplete) {
  Names names;
  EXPECT_FALSE(names.walk("").complete);
  EXPECT_FALSE(names.walk("/proc/self/comm").complete);
}

TEST(Names, ForgetsWhatIsNotToBeKept) {
  Names names;
  names.set(1, "/");
  names.set(2, "/gone");
  names.forget_unless([](std::uint64_t id) { return id == 1; });
  EXPECT_EQ(names.find(1), "/");
  EXPECT_EQ(names.size(), 1U);
}

}  // namespace
}  // namespace kpulse::cgroups
