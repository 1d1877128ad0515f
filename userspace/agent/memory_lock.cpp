#include "agent/memory_lock.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace kpulse::agent {
namespace {

bool holds_ipc_lock() noexcept {
  __user_cap_header_struct head{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> data{};
  return syscall(SYS_capget, &head, data.data()) == 0 && (data[0].effective >> CAP_IPC_LOCK & 1U) != 0;
}

/// With a limit, locking what comes later would make later allocations fail: worse than a page that has to be read
/// anew.
bool may_lock_any_amount() noexcept {
  rlimit limit{};
  return holds_ipc_lock() || (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY);
}

}  // namespace

bool lock_memory() noexcept {
  // The limit counts addresses, not pages: with the stacks of all threads they are far more than what is resident.
  const int later = may_lock_any_amount() ? MCL_FUTURE : 0;
  return mlockall(MCL_CURRENT | MCL_ONFAULT | later) == 0;
}

}  // namespace kpulse::agent
