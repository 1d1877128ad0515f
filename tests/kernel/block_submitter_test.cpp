// Whose I/O it is: task and cgroup of direct I/O, of dd, and of pages that a kernel thread writes back later.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "base/handle.h"
#include "cgroups/hierarchy.h"
#include "kernel/block_device.h"
#include "kernel/block_watch.h"
#include "kernel/test_cgroup.h"
#include "kernel/watch.h"
#include "model/ids.h"

namespace kpulse::test {
namespace {

namespace id = ids::block;

class BlockSubmitter : public testing::Test {
 protected:
  void SetUp() override {
    KPULSE_NEED_BPF();
    KPULSE_NEED(missing_for_nbd());
    KPULSE_NEED(missing_for_cgroups());
    file_.emplace(std::vector<std::string>{"--filter=delay", "memory", "64M", "wdelay=5ms", "rdelay=5ms"});
    loop_.emplace(file_->path());
    cgroup_.emplace("kp_block_test");
  }

  [[nodiscard]] std::string folder() const { return cgroups::this_hierarchy().mount + cgroup_->path(); }
  [[nodiscard]] std::uint64_t cgroup_id() const {
    struct stat info {};
    stat(folder().c_str(), &info);
    return info.st_ino;
  }

  /// Runs a command of the shell in the cgroup.
  void run_inside(const std::string& command) {
    ASSERT_EQ(run({"sh", "-c", "echo $$ >" + folder() + "/cgroup.procs && " + command}), 0) << command;
  }

  /// Every window's worst I/O of an operation was submitted from the cgroup, by a task of this name.
  void expect_submitter(const BlockWatch& watch, const std::string& op, const std::string& comm) {
    int named = 0;
    for (const BlockRow& row : watch.rows(loop_->name(), op)) {
      if (row[id::kWorst] == 0) continue;
      ASSERT_NE(row[id::kSubmitter], 0U);
      const Task& task = watch.task(row[id::kSubmitter]);
      EXPECT_EQ(task.cgroup, cgroup_id()) << task.comm;
      EXPECT_EQ(task.comm, comm);
      ++named;
    }
    EXPECT_GT(named, 0);
  }

  std::optional<NbdFile> file_;
  std::optional<LoopDevice> loop_;
  std::optional<TestCgroup> cgroup_;
};

TEST_F(BlockSubmitter, OfDirectIoIsTheTaskAndItsCgroup) {
  BlockWatch watch;
  watch.during([&] {
    run_inside("exec fio --name=kp --direct=1 --filename=" + loop_->path() + " --bs=4k --rw=randread --number_ios=50");
  });
  expect_submitter(watch, "read", "fio");
}

TEST_F(BlockSubmitter, OfDdIsTheTaskAndItsCgroup) {
  BlockWatch watch;
  watch.during([&] { run_inside("exec dd if=/dev/zero of=" + loop_->path() + " bs=4k count=30 oflag=direct"); });
  expect_submitter(watch, "write", "dd");
}

TEST_F(BlockSubmitter, OfPagesThatAKernelThreadWritesBackIsTheCgroupThatMadeThemDirty) {
  // Whoever closes a disk last writes its pages back; that must not be dd.
  const FileDescriptor held(open(loop_->path().c_str(), O_RDONLY | O_CLOEXEC));
  BlockWatch watch;
  watch.during([&] {
    run_inside("exec dd if=/dev/zero of=" + loop_->path() + " bs=64k count=200 conv=notrunc");
    run({"sync"});  // asks the flusher threads; some of it may be written by sync itself
  });
  int by_kernel = 0;
  for (const BlockRow& row : watch.rows(loop_->name(), "write")) {
    if (row[id::kWorst] == 0) continue;
    ASSERT_NE(row[id::kSubmitter], 0U);
    const Task& task = watch.task(row[id::kSubmitter]);
    if (!task.comm.starts_with("kworker")) continue;
    ++by_kernel;
    EXPECT_EQ(task.cgroup, cgroup_id()) << task.comm;
  }
  EXPECT_GT(by_kernel, 0);
}

}  // namespace
}  // namespace kpulse::test
