#include "bridge/batch.h"

namespace kpulse::bridge {

void Batch::note_time(std::uint64_t first_ns, std::uint64_t last_ns) {
  constexpr std::uint64_t kTenSeconds = 10'000'000'000;
  for (std::uint64_t at = first_ns / kTenSeconds; at <= last_ns / kTenSeconds; ++at) ten_seconds.insert(at);
}

void Batch::clear() {
  text.clear();
  frames = 0;
  ten_seconds.clear();
}

std::shared_ptr<Batch> BatchPool::take() {
  std::unique_ptr<Batch> batch;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      batch = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!batch) batch = std::make_unique<Batch>();
  return {batch.release(), [pool = shared_from_this()](Batch* used) { pool->give_back(std::unique_ptr<Batch>(used)); }};
}

void BatchPool::give_back(std::unique_ptr<Batch> batch) {
  batch->clear();
  const std::lock_guard lock(mutex_);
  if (free_.size() < kMaxFree) free_.push_back(std::move(batch));
}

}  // namespace kpulse::bridge
