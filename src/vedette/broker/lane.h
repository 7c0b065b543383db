#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "vedette/frame/buffer_pool.h"
#include "vedette/link/shared_ring.h"

namespace vedette::broker {

namespace v1 {
class Frame;
}

/// The short way from a publisher to subscribers on the same host that wait for its next frame: they take it out of the
/// publisher's memory and need not be woken by the broker, which copies, checks and keeps it meanwhile (decision 015).
///
///   publisher ──frame, cell, bell──▶ subscriber     reads the frame if it is the very next one it lacks, and says so
///   in
///       │                                ▲          its claim
///       └────────▶ broker ───────────────┘          sends every frame that was not claimed, as ever
///
/// The cell says where the newest frame lies: a seqlock, so that a frame that is overwritten while it is copied is
/// noticed, and left to the broker. A subscriber trusts the publisher no more than a broker would: what it reads is
/// checked.
class LaneWriter {
 public:
  /// Throws Error(kExhausted | kUnavailable).
  LaneWriter();

  /// Memory of earlier frames is about to be written, with the frame of this number; 0 for one that is not published.
  void begin(uint64_t sequence);
  /// The frame lies there. False when its head is too long for a cell, and nobody is told.
  bool publish(const v1::Frame& head, size_t offset, size_t bytes);
  /// Wakes whoever waits: as soon before publish() as a sleeper needs to wake up.
  void ring();
  /// Cell and bell, for the broker to pass on.
  std::vector<int> files() const { return {cell_.file(), bell_.get()}; }

 private:
  link::SharedFile cell_;
  link::Descriptor bell_;
  uint64_t generation_ = 0;
};

/// What a broker passes on of a publication's lane.
struct Lane {
  std::shared_ptr<link::SharedReader> memory;
  link::Descriptor cell, bell;

  std::vector<int> files() const { return {memory->pictures().file(), cell.get(), bell.get()}; }
};

class LaneReader {
 public:
  struct Taken {
    std::shared_ptr<const uint8_t> bytes;  ///< copied
    size_t size_bytes = 0;
  };

  /// Throws link::ProtocolError when the files are not sealed or not of the right sizes, Error(kUnavailable) when they
  /// cannot be mapped.
  LaneReader(link::Descriptor pictures, size_t bytes, link::Descriptor cell, link::Descriptor bell);

  /// Becomes readable with every frame. Nobody reads it: wait for its edges.
  int bell() const { return bell_.get(); }
  /// The newest frame if it has this number, and its head; waits some 100 µs for one that is being written. Nothing as
  /// well when it was overwritten meanwhile, or what is said about it is nonsense.
  std::optional<Taken> take(uint64_t sequence, BufferPool& pool, v1::Frame& head) const;

 private:
  link::SharedFile pictures_, cell_;
  link::Descriptor bell_;
};

/// What the subscriptions of one connection took by lanes; the client writes, the broker reads.
class LaneClaims {
 public:
  static constexpr uint32_t kMost = 256;

  /// A broker's. Throws Error(kExhausted | kUnavailable).
  LaneClaims() : page_("vedette-claims", kBytes, link::SharedFile::Writers::kPeers) {}
  /// A client's. Throws as SharedFile.
  explicit LaneClaims(link::Descriptor file) : page_(std::move(file), kBytes, true) {}

  int file() const { return page_.file(); }
  /// Frames up to this one need not be sent. `pass`: number of the broker's message that passed the lane, so that no
  /// claim outlives its subscription. Nothing for a claim beyond kMost.
  void claim(uint32_t number, uint64_t pass, uint64_t sequence);
  /// What was claimed since; 0 for nothing.
  uint64_t claimed(uint32_t number, uint64_t pass) const;

 private:
  struct Claim {
    std::atomic<uint64_t> pass, sequence;
  };
  static constexpr size_t kBytes = kMost * sizeof(Claim);
  Claim* at(uint32_t number) const { return reinterpret_cast<Claim*>(page_.data()) + number; }
  link::SharedFile page_;
};

}  // namespace vedette::broker
