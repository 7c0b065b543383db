#include "vedette/framelog/segment_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>

#include "vedette/base/error.h"

namespace vedette::framelog {
namespace {

constexpr size_t kPage = 4096;

[[noreturn]] void no_memory(size_t bytes, int cause) {
  throw Error(ErrorCode::kExhausted,
              "no memory for a frame log segment of " + std::to_string(bytes >> 10) + " KiB (errno " +
                  std::to_string(cause) + ")",
              "give the log a smaller capacity");
}

}  // namespace

SegmentMemory::SegmentMemory(size_t bytes, bool shared, bool prefault)
    : size_bytes_((bytes + kPage - 1) / kPage * kPage) {
  static std::atomic<uint64_t> ids{1};
  id_ = ids.fetch_add(1, std::memory_order_relaxed);
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  if (shared) {
    file_ = ::memfd_create("vedette-frame-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file_ < 0) no_memory(size_bytes_, errno);
    if (::ftruncate(file_, static_cast<off_t>(size_bytes_)) != 0) {
      const int cause = errno;
      ::close(file_);
      no_memory(size_bytes_, cause);
    }
    flags = MAP_SHARED;
  }
  void* memory = ::mmap(nullptr, size_bytes_, PROT_READ | PROT_WRITE, flags, file_, 0);
  if (memory == MAP_FAILED) {
    const int cause = errno;
    if (file_ >= 0) ::close(file_);
    no_memory(size_bytes_, cause);
  }
  data_ = static_cast<std::byte*>(memory);
  // A peer's mapping never faults, for the size stays, and never writes, for only mappings from before may.
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
  if (shared && ::fcntl(file_, F_ADD_SEALS, kSeals) != 0) {
    const int cause = errno;
    ::munmap(memory, size_bytes_);
    ::close(file_);
    no_memory(size_bytes_, cause);
  }
  ::madvise(memory, size_bytes_, MADV_HUGEPAGE);  // fewer faults and TLB misses; fine where there are none
  if (prefault) {
    for (size_t i = 0; i < size_bytes_; i += kPage) data_[i] = std::byte{0};
    ready_bytes_ = size_bytes_;
  }
}

void SegmentMemory::make_ready(size_t bytes) {
  const size_t wanted = std::min((bytes + kPage - 1) / kPage * kPage, size_bytes_);
  if (wanted <= ready_bytes_) return;
#ifdef MADV_POPULATE_WRITE  // a kernel that does not know it faults later
  ::madvise(data_ + ready_bytes_, wanted - ready_bytes_, MADV_POPULATE_WRITE);
#endif
  ready_bytes_ = wanted;
}

SegmentMemory::~SegmentMemory() {
  ::munmap(data_, size_bytes_);
  if (file_ >= 0) ::close(file_);
}

SegmentPool::SegmentPool(size_t segment_bytes, size_t limit_bytes, bool shared, bool prefault)
    : segment_bytes_(segment_bytes), limit_bytes_(limit_bytes), shared_(shared), prefault_(prefault) {}

std::unique_ptr<SegmentMemory> SegmentPool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto memory = std::move(idle_.back());
      idle_.pop_back();
      return memory;
    }
    if ((made_ + 1) * segment_bytes_ > limit_bytes_) return nullptr;
    ++made_;
  }
  try {
    return std::make_unique<SegmentMemory>(segment_bytes_, shared_, prefault_);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    --made_;
    throw;
  }
}

void SegmentPool::give_back(std::unique_ptr<SegmentMemory> memory) {
  std::unique_ptr<SegmentMemory> surplus;
  const std::lock_guard lock(mutex_);
  // One waits for the next segment; more are left over from readers that held many.
  if (idle_.size() < 2) {
    idle_.push_back(std::move(memory));
  } else {
    surplus = std::move(memory);
    --made_;
  }
}

void SegmentPool::fill(size_t count) {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (idle_.size() >= count || (made_ + 1) * segment_bytes_ > limit_bytes_) return;
      ++made_;
    }
    auto memory = std::make_unique<SegmentMemory>(segment_bytes_, shared_, prefault_);
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(memory));
  }
}

void SegmentPool::make_ready(size_t bytes) {
  std::unique_ptr<SegmentMemory> memory = take();
  if (!memory) return;
  memory->make_ready(bytes);
  give_back(std::move(memory));
}

size_t SegmentPool::total_bytes() const {
  const std::lock_guard lock(mutex_);
  return made_ * segment_bytes_;
}

size_t SegmentPool::in_use_bytes() const {
  const std::lock_guard lock(mutex_);
  return (made_ - idle_.size()) * segment_bytes_;
}

}  // namespace vedette::framelog
