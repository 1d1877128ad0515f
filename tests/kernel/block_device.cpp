#include "kernel/block_device.h"

#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "support/wait.h"

namespace kpulse::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNullDisks = "/sys/kernel/config/nullb";

std::string output_of(const std::vector<std::string>& argv) {
  const TempDir folder;
  if (run(argv, folder.path() / "out") != 0)
    throw std::runtime_error(argv.front() + ": " + read_file(folder.path() / "out"));
  std::string text = read_file(folder.path() / "out");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

void write_to(const fs::path& file, const std::string& text) {
  std::ofstream out(file);
  if (!(out << text) || !out.flush()) throw std::runtime_error("cannot write to " + file.string());
}

std::string missing_programs(const std::vector<std::string>& names) {
  std::string missing;
  for (const std::string& name : names) {
    if (!find_program(name)) missing += (missing.empty() ? "needs " : ", ") + name;
  }
  return missing;
}

}  // namespace

LoopDevice::LoopDevice(const fs::path& file) {
  name_ = fs::path(output_of({"losetup", "-f", "--show", "--direct-io=on", file.string()})).filename();
}

LoopDevice::~LoopDevice() {
  run({"losetup", "-d", path()});
}

Partition::Partition(const LoopDevice& disk, std::uint64_t bytes) : disk_(disk) {
  output_of({"addpart", disk_.path(), "1", "2048", std::to_string(bytes / 512)});
}

Partition::~Partition() {
  run({"delpart", disk_.path(), "1"});
}

std::string Partition::name() const {
  return disk_.name() + "p1";
}

NbdFile::NbdFile(const std::vector<std::string>& words) {
  const fs::path socket = folder_.path() / "socket";
  fs::create_directory(folder_.path() / "mp");
  std::vector<std::string> argv{"nbdkit", "-f", "-U", socket.string(), "--threads", "16"};
  argv.insert(argv.end(), words.begin(), words.end());
  const SpawnOptions options{.output = folder_.path() / "log", .environment = {}};
  server_ = Process::spawn(argv, options);
  if (!wait_until([&] { return fs::exists(socket); }))
    throw std::runtime_error("nbdkit: " + read_file(folder_.path() / "log"));
  fuse_ = Process::spawn({"nbdfuse", path().string(), "nbd+unix://?socket=" + socket.string()}, options);
  if (!wait_until([&] { return fs::exists(path()) && fs::file_size(path()) > 0; }))
    throw std::runtime_error("nbdfuse: " + read_file(folder_.path() / "log"));
}

NbdFile::~NbdFile() {
  fuse_.stop();  // unmounts
  if (fs::exists(path())) run({"umount", "-l", path().parent_path().string()});
  server_.stop();
}

ZramDevice::ZramDevice(const std::string& size) {
  std::ifstream("/sys/class/zram-control/hot_add") >> number_;
  if (number_.empty()) throw std::runtime_error("zram: cannot add a device");
  name_ = "zram" + number_;
  write_to("/sys/block/" + name_ + "/disksize", size);
}

ZramDevice::~ZramDevice() {
  static_cast<void>(wait_until(
      [&] {
        std::ofstream("/sys/block/" + name_ + "/reset") << 1;
        std::ofstream remove("/sys/class/zram-control/hot_remove");
        return static_cast<bool>((remove << number_).flush());
      },
      std::chrono::seconds(5)));
}

NullDisk::NullDisk(const Attributes& attributes) {
  static int made = 0;
  folder_ = fs::path(kNullDisks) / ("kp" + std::to_string(made++));
  fs::create_directory(folder_);
  write_to(folder_ / "size", "1024");
  write_to(folder_ / "queue_mode", "2");
  write_to(folder_ / "irqmode", "2");
  for (const auto& [attribute, value] : attributes) write_to(folder_ / attribute, value);
  write_to(folder_ / "power", "1");
  // From 6.4 on or so the disk is called like its folder.
  std::string index;
  std::ifstream(folder_ / "index") >> index;
  name_ = fs::exists("/sys/block/" + folder_.filename().string()) ? folder_.filename().string() : "nullb" + index;
  if (!wait_until([&] { return fs::exists(path()); })) throw std::runtime_error("no " + path());
}

NullDisk::~NullDisk() {
  rmdir(folder_.c_str());
}

MappedDisk::MappedDisk(const std::string& target, const std::string& below, const std::string& rest)
    : label_("kp_" + target) {
  const std::string sectors = output_of({"blockdev", "--getsz", below});
  output_of({"dmsetup", "create", "--noudevsync", "--noudevrules", label_, "--table",
             "0 " + sectors + " " + target + " " + below + " 0" + rest});
  name_ = "dm-" + output_of({"dmsetup", "info", "-c", "--noheadings", "-o", "minor", label_});
}

MappedDisk::~MappedDisk() {
  run({"dmsetup", "remove", "--noudevsync", "--noudevrules", label_});
}

void set_scheduler(const std::string& device, const std::string& scheduler) {
  write_to("/sys/block/" + device + "/queue/scheduler", scheduler);
}

DiskStat DiskStat::operator-(const DiskStat& before) const {
  DiskStat difference;
  for (std::size_t index = 0; index < fields.size(); ++index)
    difference.fields[index] = fields[index] - before.fields[index];
  return difference;
}

DiskStat disk_stat(const std::string& device) {
  DiskStat stat;
  std::ifstream file("/sys/block/" + device + "/stat");
  for (std::uint64_t& field : stat.fields) file >> field;
  return stat;
}

FioResult fio(const std::string& path, const std::vector<std::string>& words) {
  const TempDir folder;
  const fs::path json = folder.path() / "json";
  std::vector<std::string> argv{"fio",
                                "--name=kp",
                                "--filename=" + path,
                                "--direct=1",
                                "--bs=4k",
                                "--output-format=json",
                                "--output=" + json.string(),
                                "--ioengine=libaio",
                                "--clocksource=clock_gettime",  // the kernel's: its times are compared with kpulse's
                                "--randrepeat=1"};
  argv.insert(argv.end(), words.begin(), words.end());
  FioResult result;
  result.status = run(argv, folder.path() / "out");
  result.output = read_file(folder.path() / "out");
  const std::string text = read_file(json);
  const auto begin = text.find('{');
  if (begin == std::string::npos) return result;
  const auto parsed = nlohmann::json::parse(text.substr(begin), nullptr, false);
  if (parsed.is_discarded()) return result;
  const auto& job = parsed.at("jobs").at(0);
  result.reads = job.at("read").at("total_ios");
  result.writes = job.at("write").at("total_ios");
  result.trims = job.at("trim").at("total_ios");
  result.errors = job.value("total_err", 0U);
  result.read_latency_ns = job.at("read").at("lat_ns").at("mean");
  result.write_latency_ns = job.at("write").at("lat_ns").at("mean");
  return result;
}

std::string missing_for_nbd() {
  if (geteuid() != 0) return "needs root";
  if (!fs::exists("/dev/fuse")) return "needs /dev/fuse";
  if (!fs::exists("/dev/loop-control")) return "needs /dev/loop-control";
  return missing_programs({"nbdkit", "nbdfuse", "fio", "losetup"});
}

std::string missing_for_zram() {
  if (geteuid() != 0) return "needs root";
  if (!fs::exists("/sys/class/zram-control/hot_add")) return "needs zram (modprobe zram)";
  return missing_programs({"fio"});
}

std::string missing_for_null_disk() {
  if (geteuid() != 0) return "needs root";
  if (!fs::exists(kNullDisks)) return "needs the module null_blk and configfs";
  return missing_programs({"fio"});
}

std::string missing_for_mapped_disk() {
  if (std::string missing = missing_for_null_disk(); !missing.empty()) return missing;
  if (!fs::exists("/sys/module/dm_delay")) return "needs the module dm-delay";
  return missing_programs({"dmsetup", "blockdev"});
}

}  // namespace kpulse::test
