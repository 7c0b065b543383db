#include "vedette/frame/buffer_pool.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "vedette/base/error.h"

namespace vedette {
namespace {

constexpr size_t kAlignment = 64;

/// Sizes are rounded so that pictures of nearly equal size share buffers.
size_t rounded(size_t size) { return (size + 4095) / 4096 * 4096; }

}  // namespace

struct BufferPool::Shelf {
  explicit Shelf(Options o) : options(std::move(o)) {}
  ~Shelf() {
    for (auto& [size, buffers] : idle)
      for (uint8_t* buffer : buffers) std::free(buffer);
  }

  void put_back(uint8_t* buffer, size_t size) {
    {
      const std::lock_guard lock(mutex);
      if (stats.idle_bytes + size <= options.max_idle_bytes) {
        idle[size].push_back(buffer);
        stats.idle_bytes += size;
        return;
      }
    }
    std::free(buffer);
  }

  const Options options;
  mutable std::mutex mutex;
  std::map<size_t, std::vector<uint8_t*>> idle;
  Stats stats;
};

BufferPool::BufferPool(Options options) : shelf_(std::make_shared<Shelf>(std::move(options))) {}
BufferPool::~BufferPool() = default;

std::shared_ptr<uint8_t> BufferPool::acquire(size_t size_bytes) {
  const size_t size = rounded(size_bytes);
  if (shelf_->options.source)
    if (auto buffer = shelf_->options.source(size)) return buffer;
  uint8_t* buffer = nullptr;
  {
    const std::lock_guard lock(shelf_->mutex);
    auto& buffers = shelf_->idle[size];
    if (!buffers.empty()) {
      buffer = buffers.back();
      buffers.pop_back();
      shelf_->stats.idle_bytes -= size;
      ++shelf_->stats.reused;
    } else {
      ++shelf_->stats.allocated;
    }
  }
  if (!buffer) buffer = static_cast<uint8_t*>(std::aligned_alloc(kAlignment, size));
  if (!buffer) throw Error(ErrorCode::kExhausted, "no memory for a picture of " + std::to_string(size) + " bytes");
  return {buffer, [shelf = shelf_, size](uint8_t* p) { shelf->put_back(p, size); }};
}

BufferPool::Stats BufferPool::stats() const {
  const std::lock_guard lock(shelf_->mutex);
  return shelf_->stats;
}

}  // namespace vedette
