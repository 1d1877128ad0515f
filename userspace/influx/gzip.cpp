#include "influx/gzip.h"

namespace kpulse::influx {

Gzip::Gzip() : compressor_(libdeflate_alloc_compressor(1)) {}

std::string_view Gzip::compress(std::string_view body) {
  if (!compressor_) return {};
  const std::size_t bound = libdeflate_gzip_compress_bound(compressor_.get(), body.size());
  if (out_.size() < bound) out_.resize(bound);
  return {out_.data(), libdeflate_gzip_compress(compressor_.get(), body.data(), body.size(), out_.data(), out_.size())};
}

}  // namespace kpulse::influx
