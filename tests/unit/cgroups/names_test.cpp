#include "cgroups/names.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

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
  const auto seen = names.walk(root.native());
  EXPECT_EQ(seen.size(), 3U);
  EXPECT_EQ(names.find(inode(root)), "/");
  EXPECT_EQ(names.find(inode(root / "system.slice" / "sshd.service")), "/system.slice/sshd.service");
  EXPECT_EQ(names.find(inode(root / "cgroup.procs")), "");
  fs::remove_all(root);
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
