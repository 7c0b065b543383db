#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace vedette {

/// Keeps freed picture buffers for the next picture of the same size, so that a stream in steady state allocates
/// nothing. Thread-safe. Buffers may outlive the pool.
class BufferPool {
 public:
  struct Options {
    size_t max_idle_bytes = 64u << 20;  ///< freed buffers beyond this go back to the system
    /// Where buffers come from first, 64-byte aligned, and go back to by themselves; null or a null answer: the heap.
    std::function<std::shared_ptr<uint8_t>(size_t size_bytes)> source{};
  };
  struct Stats {
    size_t idle_bytes = 0;
    uint64_t allocated = 0;  ///< buffers taken from the system so far
    uint64_t reused = 0;  ///< buffers handed out again so far
  };

  BufferPool() : BufferPool(Options{}) {}
  explicit BufferPool(Options options);
  ~BufferPool();

  /// A buffer of at least `size_bytes`, 64-byte aligned, contents undefined. Throws Error(kExhausted).
  std::shared_ptr<uint8_t> acquire(size_t size_bytes);
  Stats stats() const;

 private:
  struct Shelf;
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace vedette
