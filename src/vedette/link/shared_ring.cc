#include "vedette/link/shared_ring.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/link/wire.h"

namespace vedette::link {
namespace {

static_assert(std::atomic<uint32_t>::is_always_lock_free);
constexpr size_t kStatesBytes = kLeases * sizeof(std::atomic<uint32_t>);
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

Descriptor make_file(const char* name, size_t bytes) {
  Descriptor file(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid() || ftruncate(file.get(), static_cast<off_t>(bytes)) != 0 ||
      fcntl(file.get(), F_ADD_SEALS, kSeals) != 0)
    throw_errno(errno, "cannot make shared memory");
  return file;
}

void* map_file(int file, size_t bytes, int protection) {
  void* memory = mmap(nullptr, bytes, protection, MAP_SHARED, file, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

bool sealed_with(int file, size_t bytes) {
  struct stat about{};
  const int seals = fcntl(file, F_GET_SEALS);
  return seals >= 0 && (seals & F_SEAL_SHRINK) && fstat(file, &about) == 0 && about.st_size >= 0 &&
         static_cast<size_t>(about.st_size) == bytes;
}

size_t in_grains(size_t bytes) { return (bytes + Extents::kGrain - 1) / Extents::kGrain * Extents::kGrain; }

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

std::optional<size_t> Extents::take(size_t bytes) {
  const size_t size = in_grains(bytes);
  size_t at = 0;
  for (const auto& [offset, length] : taken_) {
    if (offset - at >= size) break;
    at = offset + length;
  }
  if (size == 0 || size > bytes_ || at > bytes_ - size) return std::nullopt;
  taken_.emplace(at, size);
  used_ += size;
  return at;
}

void Extents::put_back(size_t offset) {
  const auto found = taken_.find(offset);
  VEDETTE_ASSERT(found != taken_.end());
  used_ -= found->second;
  taken_.erase(found);
}

SharedArena::SharedArena(size_t bytes)
    : bytes_(in_grains(bytes)), file_(make_file("vedette-pictures", bytes_)), extents_(bytes_) {
  memory_ = static_cast<uint8_t*>(map_file(file_.get(), bytes_, PROT_READ | PROT_WRITE));
  if (!memory_) throw_errno(errno, "cannot map shared memory");
}

SharedArena::~SharedArena() { munmap(memory_, bytes_); }

std::shared_ptr<uint8_t> SharedArena::allocate(size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto offset = extents_.take(bytes);
  if (!offset) return nullptr;
  return {memory_ + *offset, [self = shared_from_this(), at = *offset](uint8_t*) {
            const std::lock_guard back(self->mutex_);
            self->extents_.put_back(at);
          }};
}

std::optional<size_t> SharedArena::offset_of(const uint8_t* data, size_t bytes) const {
  const auto at = reinterpret_cast<uintptr_t>(data), start = reinterpret_cast<uintptr_t>(memory_);
  if (at < start || at - start >= bytes_ || bytes + kSharedOverrunBytes > bytes_ - (at - start)) return std::nullopt;
  return at - start;
}

SharedWriter::SharedWriter(std::shared_ptr<SharedArena> arena)
    : arena_(std::move(arena)), states_(make_file("vedette-leases", kStatesBytes)), keeps_(kLeases) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno(errno, "cannot make a pipe");
  pipe_ = Descriptor(ends[0]);
  pipe_theirs_ = Descriptor(ends[1]);
  state_ = static_cast<std::atomic<uint32_t>*>(map_file(states_.get(), kStatesBytes, PROT_READ | PROT_WRITE));
  if (!state_) throw_errno(errno, "cannot map shared memory");
  for (uint32_t number = kLeases; number > 0; --number) free_.push_back(number);
}

SharedWriter::~SharedWriter() { munmap(state_, kStatesBytes); }

size_t SharedWriter::collect() {
  std::erase_if(lent_, [&](uint32_t number) {
    if (state_[number - 1].load(std::memory_order_acquire) != 0) return false;
    keeps_[number - 1].clear();
    free_.push_back(number);
    return true;
  });
  return lent_.size();
}

std::optional<uint32_t> SharedWriter::lease(Keep keep) {
  collect();
  if (free_.empty()) return std::nullopt;
  const uint32_t number = free_.back();
  free_.pop_back();
  lent_.push_back(number);
  keeps_[number - 1] = std::move(keep);
  state_[number - 1].store(1, std::memory_order_release);
  return number;
}

void SharedWriter::cancel(uint32_t lease) { state_[lease - 1].store(0, std::memory_order_release); }

bool SharedWriter::in_use() {
  collect();
  if (lent_.empty()) return false;
  pollfd end{pipe_.get(), POLLIN, 0};
  return ::poll(&end, 1, 0) == 0 || !(end.revents & POLLHUP);
}

SharedReader::SharedReader(Descriptor pictures, Descriptor states, Descriptor pipe, size_t bytes, size_t leases)
    : bytes_(bytes), leases_(leases), pipe_(std::move(pipe)) {
  if (leases != kLeases || bytes == 0 || !sealed_with(pictures.get(), bytes) ||
      !sealed_with(states.get(), kStatesBytes))
    throw ProtocolError("shared memory that is not sealed, or not of the size it should have");
  memory_ = static_cast<uint8_t*>(map_file(pictures.get(), bytes, PROT_READ));
  state_ = static_cast<std::atomic<uint32_t>*>(map_file(states.get(), kStatesBytes, PROT_READ | PROT_WRITE));
  if (memory_ && state_) return;
  const int why = errno;
  if (memory_) munmap(memory_, bytes_);
  if (state_) munmap(state_, kStatesBytes);
  throw_errno(why, "cannot map a peer's shared memory");
}

SharedReader::~SharedReader() {
  munmap(memory_, bytes_);
  munmap(state_, kStatesBytes);
}

std::shared_ptr<void> SharedReader::hold(uint32_t lease) {
  if (lease == 0 || lease > leases_) throw ProtocolError("the unknown lease " + std::to_string(lease));
  return {memory_,
          [self = shared_from_this(), lease](void*) { self->state_[lease - 1].store(0, std::memory_order_release); }};
}

uint8_t* SharedReader::at(size_t offset, size_t bytes) const {
  if (offset % 64 != 0 || bytes > bytes_ || offset > bytes_ - bytes || bytes_ - bytes - offset < kSharedOverrunBytes)
    throw ProtocolError("a picture outside of the shared memory");
  return memory_ + offset;
}

}  // namespace vedette::link
