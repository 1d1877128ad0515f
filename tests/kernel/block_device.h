// Block devices with known properties, and what the kernel itself says of them. Removed at the end of their scope.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/files.h"
#include "support/process.h"

namespace kpulse::test {

/// A loop device over a file, direct I/O.
class LoopDevice {
 public:
  explicit LoopDevice(const std::filesystem::path& file);
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;
  ~LoopDevice();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }  ///< loop3
  [[nodiscard]] std::string path() const { return "/dev/" + name_; }

 private:
  std::string name_;
};

/// The first partition of a disk, from 1 MiB on.
class Partition {
 public:
  Partition(const LoopDevice& disk, std::uint64_t bytes);
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;
  ~Partition();

  [[nodiscard]] std::string name() const;  ///< loop3p1
  [[nodiscard]] std::string path() const { return "/dev/" + name(); }

 private:
  const LoopDevice& disk_;
};

/// nbdkit as a FUSE file: latency and errors as its filters say.
class NbdFile {
 public:
  /// Words for nbdkit, from the filters on.
  explicit NbdFile(const std::vector<std::string>& words);
  NbdFile(const NbdFile&) = delete;
  NbdFile& operator=(const NbdFile&) = delete;
  ~NbdFile();

  [[nodiscard]] std::filesystem::path path() const { return folder_.path() / "mp" / "disk"; }

 private:
  TempDir folder_;
  Process server_, fuse_;
};

/// A zram disk: bio-based, in memory.
class ZramDevice {
 public:
  explicit ZramDevice(const std::string& size);
  ZramDevice(const ZramDevice&) = delete;
  ZramDevice& operator=(const ZramDevice&) = delete;
  ~ZramDevice();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::string path() const { return "/dev/" + name_; }

 private:
  std::string number_, name_;
};

/// A null_blk disk made through configfs: requests end by a timer, and no memory is behind them.
class NullDisk {
 public:
  using Attributes = std::vector<std::pair<std::string, std::string>>;

  /// 1024 MB, multiqueue, ended by a timer, but for what `attributes` say.
  explicit NullDisk(const Attributes& attributes = {});
  NullDisk(const NullDisk&) = delete;
  NullDisk& operator=(const NullDisk&) = delete;
  ~NullDisk();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }  ///< nullb3
  [[nodiscard]] std::string path() const { return "/dev/" + name_; }

 private:
  std::filesystem::path folder_;
  std::string name_;
};

/// A device-mapper device over a whole other one, with a target that takes "DEVICE 0 ...": linear, delay.
class MappedDisk {
 public:
  MappedDisk(const std::string& target, const std::string& below, const std::string& rest);
  MappedDisk(const MappedDisk&) = delete;
  MappedDisk& operator=(const MappedDisk&) = delete;
  ~MappedDisk();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }  ///< dm-0
  [[nodiscard]] std::string path() const { return "/dev/" + name_; }

 private:
  std::string label_, name_;
};

void set_scheduler(const std::string& device, const std::string& scheduler);

/// /sys/block/<device>/stat, by the kernel's order: see Documentation/block/stat.rst.
struct DiskStat {
  std::array<std::uint64_t, 17> fields{};

  [[nodiscard]] DiskStat operator-(const DiskStat& before) const;
  enum Field {
    kReads,
    kReadMerges,
    kReadSectors,
    kReadMs,
    kWrites,
    kWriteMerges,
    kWriteSectors,
    kWriteMs,
    kInFlight,
    kIoMs,
    kQueueMs,
    kDiscards,
    kDiscardMerges,
    kDiscardSectors,
    kDiscardMs,
    kFlushes,
    kFlushMs
  };
  [[nodiscard]] std::uint64_t operator[](Field field) const { return fields.at(field); }
};
[[nodiscard]] DiskStat disk_stat(const std::string& device);

/// What fio says of a run.
struct FioResult {
  int status = -1;
  std::uint64_t reads = 0, writes = 0, trims = 0, errors = 0;
  double read_latency_ns = 0, write_latency_ns = 0;  ///< mean from submission to completion
  std::string output;
};
/// Direct I/O of one job on a device; `words` are further options.
[[nodiscard]] FioResult fio(const std::string& path, const std::vector<std::string>& words);

/// Names of programs and devices that are missing here, for skipping; empty when there are none.
[[nodiscard]] std::string missing_for_nbd();
[[nodiscard]] std::string missing_for_zram();
[[nodiscard]] std::string missing_for_null_disk();
[[nodiscard]] std::string missing_for_mapped_disk();

#define KPULSE_NEED(check) \
  if (const std::string missing = (check); !missing.empty()) GTEST_SKIP() << missing

}  // namespace kpulse::test
