#include "bpf/libbpf_log.h"

#include <gtest/gtest.h>

namespace kpulse::bpf {
namespace {

RefusedProgram after(std::initializer_list<std::string_view> warnings) {
  RefusedProgram refused;
  for (const std::string_view warning : warnings) note_refusal(warning, refused);
  return refused;
}

TEST(LibbpfLog, FindsTheRefusedProgramAndTheVerifiersLastWords) {
  const RefusedProgram refused = after(
      {"libbpf: prog 'kp_bad': BPF program load failed: Permission denied",
       "libbpf: prog 'kp_bad': -- BEGIN PROG LOAD LOG --\n0: R1=ctx\n1: (79) r0 = *(u64 *)(r1 +800)\n"
       "func 'sched_switch' doesn't have 101-th argument\nprocessed 2 insns (limit 1000000)\n-- END PROG LOAD LOG --",
       "libbpf: prog 'kp_bad': failed to load: -13", "libbpf: failed to load object 'x_bpf'"});
  EXPECT_EQ(refused.name, "kp_bad");
  EXPECT_EQ(refused.reason, "func 'sched_switch' doesn't have 101-th argument");
}

TEST(LibbpfLog, UnderstandsTheWordsOfOldVersions) {
  EXPECT_EQ(
      after({"libbpf: load bpf program failed: Invalid argument", "libbpf: failed to load program 'kp_old'"}).name,
      "kp_old");
}

TEST(LibbpfLog, OtherWarningsNameNoProgram) {
  EXPECT_TRUE(after({"libbpf: map 'kp_ring': failed to create: Operation not permitted(-1)"}).name.empty());
}

}  // namespace
}  // namespace kpulse::bpf
