#include "vedette/broker/lane.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/base/time.h"

#ifdef __SANITIZE_THREAD__  // it does not follow fences, and all that it sees of a cell are atomics
#pragma GCC diagnostic ignored "-Wtsan"
#endif

namespace vedette::broker {
namespace {

constexpr size_t kMostHeadBytes = 256;
constexpr Duration kSoon = std::chrono::microseconds(100);

/// All words are atomic, because they are read while they may be written.
struct Cell {
  std::atomic<uint64_t> generation;  // odd while what follows, or the memory it points to, is being written
  std::atomic<uint64_t> sequence, offset, bytes, head_bytes;
  std::array<std::atomic<uint64_t>, kMostHeadBytes / sizeof(uint64_t)> head;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);
constexpr auto kRelaxed = std::memory_order_relaxed;

Cell& cell_in(const link::SharedFile& file) { return *reinterpret_cast<Cell*>(file.data()); }

}  // namespace

LaneWriter::LaneWriter()
    : cell_("vedette-lane", sizeof(Cell), link::SharedFile::Writers::kOnlyHere),
      bell_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!bell_.valid()) throw_errno(errno, "cannot make a bell");
}

void LaneWriter::begin(uint64_t sequence) {
  Cell& cell = cell_in(cell_);
  if (generation_ % 2 == 0) cell.generation.store(++generation_, kRelaxed);
  std::atomic_thread_fence(std::memory_order_release);
  cell.sequence.store(sequence, kRelaxed);
}

bool LaneWriter::publish(const v1::Frame& head, size_t offset, size_t bytes) {
  begin(head.sequence());
  const size_t head_bytes = head.ByteSizeLong();
  if (head_bytes > kMostHeadBytes) return false;
  std::array<uint64_t, kMostHeadBytes / sizeof(uint64_t)> words{};
  head.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(words.data()));
  Cell& cell = cell_in(cell_);
  cell.offset.store(offset, kRelaxed);
  cell.bytes.store(bytes, kRelaxed);
  cell.head_bytes.store(head_bytes, kRelaxed);
  for (size_t i = 0; i < words.size(); ++i) cell.head[i].store(words[i], kRelaxed);
  cell.generation.store(++generation_, std::memory_order_release);
  return true;
}

void LaneWriter::ring() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(bell_.get(), &one, sizeof one);
}

LaneReader::LaneReader(link::Descriptor pictures, size_t bytes, link::Descriptor cell, link::Descriptor bell)
    : pictures_(std::move(pictures), bytes, false),
      cell_(std::move(cell), sizeof(Cell), false),
      bell_(std::move(bell)) {}

std::optional<LaneReader::Taken> LaneReader::take(uint64_t sequence, BufferPool& pool, v1::Frame& head) const {
  const Cell& cell = cell_in(cell_);
  uint64_t before = cell.generation.load(std::memory_order_acquire);
  if (before % 2 == 1 && cell.sequence.load(kRelaxed) == sequence) {
    const MonotonicTime until = Clock::system().monotonic() + kSoon;
    while (before % 2 == 1 && Clock::system().monotonic() < until) {
      std::this_thread::yield();  // to its writer, if that is on this core
      before = cell.generation.load(std::memory_order_acquire);
    }
  }
  if (before % 2 == 1 || before == 0 || cell.sequence.load(kRelaxed) != sequence) return std::nullopt;
  const size_t offset = cell.offset.load(kRelaxed), bytes = cell.bytes.load(kRelaxed);
  const size_t head_bytes = cell.head_bytes.load(kRelaxed);
  if (head_bytes > kMostHeadBytes || bytes == 0 || bytes > pictures_.size_bytes() ||
      offset > pictures_.size_bytes() - bytes)
    return std::nullopt;
  std::array<uint64_t, kMostHeadBytes / sizeof(uint64_t)> words{};
  for (size_t i = 0; i < words.size(); ++i) words[i] = cell.head[i].load(kRelaxed);
  const auto copy = pool.acquire(bytes);
  std::memcpy(copy.get(), pictures_.data() + offset, bytes);
  std::atomic_thread_fence(std::memory_order_acquire);
  if (cell.generation.load(kRelaxed) != before) return std::nullopt;
  if (!head.ParseFromArray(words.data(), static_cast<int>(head_bytes)) || head.sequence() != sequence)
    return std::nullopt;
  return Taken{copy, bytes};
}

void LaneClaims::claim(uint32_t number, uint64_t pass, uint64_t sequence) {
  if (number >= kMost) return;
  Claim& mine = *at(number);
  if (mine.pass.load(kRelaxed) != pass) {
    mine.sequence.store(0, kRelaxed);
    mine.pass.store(pass, std::memory_order_release);
  }
  mine.sequence.store(sequence, std::memory_order_release);
}

uint64_t LaneClaims::claimed(uint32_t number, uint64_t pass) const {
  if (number >= kMost) return 0;
  const Claim& theirs = *at(number);
  return theirs.pass.load(std::memory_order_acquire) == pass ? theirs.sequence.load(std::memory_order_acquire) : 0;
}

}  // namespace vedette::broker
