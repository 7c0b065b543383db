#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace vedette::link {

/// An owned file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// A memory file of a fixed size, sealed so that a mapping of it never faults, and mapped for as long as it lives.
class SharedFile {
 public:
  enum class Writers { kOnlyHere, kPeers };
  /// A new one, of zeros. kOnlyHere: whoever gets the file can map it to read only. Throws Error(kExhausted |
  /// kUnavailable).
  SharedFile(const char* name, size_t bytes, Writers writers);
  /// A peer's. Throws ProtocolError when it is not sealed or not of this size, Error(kUnavailable) when it cannot be
  /// mapped, as one that only its maker writes for `writes`.
  SharedFile(Descriptor file, size_t bytes, bool writes);
  ~SharedFile();
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;

  uint8_t* data() const { return static_cast<uint8_t*>(memory_); }
  size_t size_bytes() const { return bytes_; }
  int file() const { return file_.get(); }

 private:
  size_t bytes_;
  Descriptor file_;
  void* memory_ = nullptr;
};

/// Which parts of a memory are in use: the lowest part that fits, so that the same warm pages are used again and again.
/// Pure.
class Extents {
 public:
  static constexpr size_t kGrain = 4096;
  explicit Extents(size_t bytes) : bytes_(bytes) {}
  std::optional<size_t> take(size_t bytes);
  void put_back(size_t offset);
  size_t used_bytes() const { return used_; }

 private:
  size_t bytes_;
  size_t used_ = 0;
  std::map<size_t, size_t> taken_;  // offset → bytes
};

/// Pictures in memory that processes on one host share. A node has one arena, a sealed memory file (it can neither
/// shrink nor grow, so a mapping never faults); every peer on the host maps it read-only. A picture that was made in
/// the arena (by a BufferPool over it) is sent without a copy; another one is copied there once.
class SharedArena : public std::enable_shared_from_this<SharedArena> {
 public:
  /// Throws Error(kExhausted | kUnavailable) when the system has no such memory.
  explicit SharedArena(size_t bytes);

  /// Null when there is no room. From any thread.
  std::shared_ptr<uint8_t> allocate(size_t bytes);
  /// Where in the arena these bytes lie, with the overrun behind them; nothing when they do not.
  std::optional<size_t> offset_of(const uint8_t* data, size_t bytes) const;
  size_t size_bytes() const { return file_.size_bytes(); }
  int file() const { return file_.file(); }

 private:
  SharedFile file_;
  std::mutex mutex_;
  Extents extents_;
};

constexpr uint32_t kLeases = 128;
/// Vector code may read so far past a plane (Picture).
constexpr size_t kSharedOverrunBytes = 64;
using Keep = std::vector<std::shared_ptr<const void>>;

/// What one connection has lent to its peer: a lease keeps its pictures until the peer ends it, by one atomic store
/// into a small file of states and without a message. When the connection closes, the leases live on until the peer
/// ends them, or nobody there has the memory mapped any more (the peer keeps the other end of a pipe open as long).
class SharedWriter {
 public:
  /// Throws Error(kExhausted | kUnavailable).
  explicit SharedWriter(std::shared_ptr<SharedArena> arena);

  SharedArena& arena() const { return *arena_; }
  /// The lease's number, from 1; nothing when all are lent.
  std::optional<uint32_t> lease(Keep keep);
  /// Takes back what the peer has ended; how much is still lent.
  size_t collect();
  /// It was not sent after all.
  void cancel(uint32_t lease);
  /// To be passed to the peer: arena, states, pipe. The pipe's end is the peer's alone once passed() was called.
  std::vector<int> files() const { return {arena_->file(), states_.file(), pipe_theirs_.get()}; }
  void passed() { pipe_theirs_ = Descriptor(); }
  /// Whether something is still lent to somebody.
  bool in_use();

 private:
  std::shared_ptr<SharedArena> arena_;
  SharedFile states_;
  std::atomic<uint32_t>* state_;
  Descriptor pipe_, pipe_theirs_;
  std::vector<Keep> keeps_;         // of the leases, by number - 1
  std::vector<uint32_t> free_;      // the last is taken next
  std::vector<uint32_t> lent_;
};

class SharedReader : public std::enable_shared_from_this<SharedReader> {
 public:
  /// Maps what a writer passed. Throws ProtocolError when the files are not sealed, or not of the size that was said.
  SharedReader(Descriptor pictures, Descriptor states, Descriptor pipe, size_t bytes, size_t leases);

  /// Holds a lease until the last copy of the pointer goes; the mapping lives as long, whatever becomes of the
  /// connection. Throws ProtocolError for an unknown lease.
  std::shared_ptr<void> hold(uint32_t lease);
  /// A part of the memory with the overrun behind it. Throws ProtocolError when it lies outside or not on a 64-byte
  /// boundary.
  uint8_t* at(size_t offset, size_t bytes) const;
  /// The pictures' memory file, for others to map.
  const SharedFile& pictures() const { return pictures_; }

 private:
  SharedFile pictures_, states_;
  Descriptor pipe_;
  std::atomic<uint32_t>* state_;
};

}  // namespace vedette::link
