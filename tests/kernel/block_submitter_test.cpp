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
  void run_inside(const std::string& command) { run_in(*cgroup_, command); }
  static void run_in(const TestCgroup& cgroup, const std::string& command) {
    const std::string procs = cgroups::this_hierarchy().mount + cgroup.path() + "/cgroup.procs";
    ASSERT_EQ(run({"sh", "-c", "echo $$ >" + procs + " && " + command}), 0) << command;
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

  /// The cgroup has been charged with all I/Os of the loop device, of which there are so many, and with nothing more
  /// but what it may have done to other disks (programs are read from one).
  void expect_charged(const BlockWatch& watch, const std::string& op, std::uint64_t ios) {
    ASSERT_EQ(watch.sum(loop_->name(), op, id::kIos), ios) << "somebody else used the device";
    const auto expect = [&](std::uint32_t field, std::uint64_t here, std::uint64_t everywhere) {
      EXPECT_GE(watch.group(cgroup_->path(), op, field), here) << field;
      EXPECT_LE(watch.group(cgroup_->path(), op, field), everywhere) << field;
    };
    expect(ids::cgroup_io::kIos, ios, watch.sum(op, id::kIos));
    expect(ids::cgroup_io::kBytes, ios * 4096, watch.sum(op, id::kBytes));
    expect(ids::cgroup_io::kTime, watch.sum(loop_->name(), op, id::kQueue) + watch.sum(loop_->name(), op, id::kDevice),
           watch.sum(op, id::kQueue) + watch.sum(op, id::kDevice));
  }

  std::optional<NbdFile> file_;
  std::optional<LoopDevice> loop_;
  std::optional<TestCgroup> cgroup_;
};

TEST_F(BlockSubmitter, OfDirectIoIsTheTaskAndItsCgroup) {
  const std::string fio =
      "exec fio --name=kp --direct=1 --filename=" + loop_->path() + " --bs=4k --rw=randread --number_ios=50";
  run_inside(fio);  // fio itself is read from a disk, too
  BlockWatch watch;
  watch.during([&] { run_inside(fio); });
  expect_submitter(watch, "read", "fio");
  expect_charged(watch, "read", 50);
}

TEST_F(BlockSubmitter, OfDdIsTheTaskAndItsCgroup) {
  BlockWatch watch;
  watch.during([&] { run_inside("exec dd if=/dev/zero of=" + loop_->path() + " bs=4k count=30 oflag=direct"); });
  expect_submitter(watch, "write", "dd");
  expect_charged(watch, "write", 30);
}

TEST_F(BlockSubmitter, OfPagesThatAKernelThreadWritesBackIsTheCgroupThatMadeThemDirty) {
  // Whoever closes a disk last writes its pages back; that must not be dd.
  const FileDescriptor held(open(loop_->path().c_str(), O_RDONLY | O_CLOEXEC));
  const TestCgroup syncs("kp_block_sync");
  BlockWatch watch;
  watch.during([&] {
    run_inside("exec dd if=/dev/zero of=" + loop_->path() + " bs=64k count=200 conv=notrunc");
    run_in(syncs, "exec sync");  // asks the flusher threads; some of it may be written by sync itself
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
  constexpr std::uint64_t kBytes = 200U * 65'536;
  const std::uint64_t for_dd = watch.group(cgroup_->path(), "write", ids::cgroup_io::kBytes);
  EXPECT_GT(for_dd, 0U);
  EXPECT_LE(for_dd, kBytes);
  EXPECT_GE(for_dd + watch.group(syncs.path(), "write", ids::cgroup_io::kBytes),
            kBytes);  // sync writes other disks, too
}

}  // namespace
}  // namespace kpulse::test
