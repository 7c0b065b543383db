#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace vedette::framelog {

/// The memory of one segment: private to the process, or a sealed memory file that other processes on this host may map
/// read-only. Reused for one segment after another, so that a full log allocates nothing.
class SegmentMemory {
 public:
  /// `bytes` is rounded up to whole pages. Throws Error(kExhausted).
  SegmentMemory(size_t bytes, bool shared, bool prefault);
  ~SegmentMemory();
  SegmentMemory(const SegmentMemory&) = delete;
  SegmentMemory& operator=(const SegmentMemory&) = delete;

  std::byte* data() const { return data_; }
  size_t size_bytes() const { return size_bytes_; }
  /// The memory file, or -1 when it is private.
  int file() const { return file_; }
  /// Its own within the process, never used twice: a peer maps each id once.
  uint64_t id() const { return id_; }

  /// Has the system lay pages under the first `bytes`, so that writing there does not fault. Nothing when they are
  /// there already. By the thread that writes.
  void make_ready(size_t bytes);

 private:
  std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
  int file_ = -1;
  uint64_t id_ = 0;
  size_t ready_bytes_ = 0;
};

/// Hands out segment memory within a limit and takes it back. From any thread.
class SegmentPool {
 public:
  SegmentPool(size_t segment_bytes, size_t limit_bytes, bool shared, bool prefault);

  /// Memory that was given back, or fresh memory while all of it together stays within the limit; else null.
  std::unique_ptr<SegmentMemory> take();
  void give_back(std::unique_ptr<SegmentMemory> memory);
  /// Makes so many ready beforehand.
  void fill(size_t count);
  /// One is waiting then, if the limit allows, with pages under its first `bytes`.
  void make_ready(size_t bytes);

  size_t segment_bytes() const { return segment_bytes_; }
  /// All memory of the log, in use or waiting.
  size_t total_bytes() const;
  /// Of it, what is not waiting.
  size_t in_use_bytes() const;

 private:
  const size_t segment_bytes_;
  const size_t limit_bytes_;
  const bool shared_;
  const bool prefault_;
  mutable std::mutex mutex_;
  size_t made_ = 0;
  std::vector<std::unique_ptr<SegmentMemory>> idle_;
};

}  // namespace vedette::framelog
