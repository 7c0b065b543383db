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

size_t in_grains(size_t bytes) { return (bytes + Extents::kGrain - 1) / Extents::kGrain * Extents::kGrain; }

}  // namespace

SharedFile::SharedFile(const char* name, size_t bytes, Writers writers)
    : bytes_(bytes), file_(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
  if (!file_.valid() || ftruncate(file_.get(), static_cast<off_t>(bytes)) != 0)
    throw_errno(errno, "cannot make shared memory");
  memory_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
  if (memory_ == MAP_FAILED) throw_errno(errno, "cannot map shared memory");
  const int seals =
      F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | (writers == Writers::kOnlyHere ? F_SEAL_FUTURE_WRITE : 0);
  if (fcntl(file_.get(), F_ADD_SEALS, seals) == 0) return;
  const int why = errno;
  munmap(memory_, bytes_);
  throw_errno(why, "cannot seal shared memory");
}

SharedFile::SharedFile(Descriptor file, size_t bytes, bool writes) : bytes_(bytes), file_(std::move(file)) {
  struct stat about{};
  const int seals = fcntl(file_.get(), F_GET_SEALS);
  const bool sealed = seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
  if (bytes == 0 || !sealed || fstat(file_.get(), &about) != 0 || about.st_size < 0 ||
      static_cast<size_t>(about.st_size) != bytes)
    throw ProtocolError("shared memory that is not sealed, or not of the size it should have");
  memory_ = mmap(nullptr, bytes, writes ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file_.get(), 0);
  if (memory_ == MAP_FAILED) throw_errno(errno, "cannot map a peer's shared memory");
}

SharedFile::~SharedFile() { munmap(memory_, bytes_); }

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
    : file_("vedette-pictures", in_grains(bytes), SharedFile::Writers::kOnlyHere), extents_(file_.size_bytes()) {}

std::shared_ptr<uint8_t> SharedArena::allocate(size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto offset = extents_.take(bytes);
  if (!offset) return nullptr;
  return {file_.data() + *offset, [self = shared_from_this(), at = *offset](uint8_t*) {
            const std::lock_guard back(self->mutex_);
            self->extents_.put_back(at);
          }};
}

std::optional<size_t> SharedArena::offset_of(const uint8_t* data, size_t bytes) const {
  const auto at = reinterpret_cast<uintptr_t>(data), start = reinterpret_cast<uintptr_t>(file_.data());
  if (at < start || at - start >= size_bytes() || bytes + kSharedOverrunBytes > size_bytes() - (at - start))
    return std::nullopt;
  return at - start;
}

SharedWriter::SharedWriter(std::shared_ptr<SharedArena> arena)
    : arena_(std::move(arena)),
      states_("vedette-leases", kStatesBytes, SharedFile::Writers::kPeers),
      state_(reinterpret_cast<std::atomic<uint32_t>*>(states_.data())),
      keeps_(kLeases) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno(errno, "cannot make a pipe");
  pipe_ = Descriptor(ends[0]);
  pipe_theirs_ = Descriptor(ends[1]);
  for (uint32_t number = kLeases; number > 0; --number) free_.push_back(number);
}

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
    : pictures_(std::move(pictures), bytes, false),
      states_(std::move(states), kStatesBytes, true),
      pipe_(std::move(pipe)),
      state_(reinterpret_cast<std::atomic<uint32_t>*>(states_.data())) {
  if (leases != kLeases) throw ProtocolError("shared memory with an unknown number of leases");
}

std::shared_ptr<void> SharedReader::hold(uint32_t lease) {
  if (lease == 0 || lease > kLeases) throw ProtocolError("the unknown lease " + std::to_string(lease));
  return {pictures_.data(),
          [self = shared_from_this(), lease](void*) { self->state_[lease - 1].store(0, std::memory_order_release); }};
}

uint8_t* SharedReader::at(size_t offset, size_t bytes) const {
  const size_t size = pictures_.size_bytes();
  if (offset % 64 != 0 || bytes > size || offset > size - bytes || size - bytes - offset < kSharedOverrunBytes)
    throw ProtocolError("a picture outside of the shared memory");
  return pictures_.data() + offset;
}

}  // namespace vedette::link
