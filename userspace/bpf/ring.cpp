#include "bpf/ring.h"

#include <cerrno>

#include "bpf/kernel.h"

namespace kpulse::bpf {

Result<std::unique_ptr<Ring>> Ring::open(const bpf_map* map, OnRecord on_record) {
  std::unique_ptr<Ring> ring(new Ring(std::move(on_record)));
  ring->ring_.reset(ring_buffer__new(bpf_map__fd(map), &Ring::take, ring.get(), nullptr));
  if (!ring->ring_) return fail(bpf_error("cannot open the ring buffer", errno));
  return ring;
}

int Ring::take(void* self, void* data, std::size_t size) noexcept {
  auto* ring = static_cast<Ring*>(self);
  ring->on_record_({static_cast<const std::byte*>(data), size});
  return --ring->left_ == 0 ? -ECANCELED : 0;
}

std::size_t Ring::consume(std::size_t budget) noexcept {
  left_ = budget;
  ring_buffer__consume(ring_.get());
  return budget - left_;
}

}  // namespace kpulse::bpf
