#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "vedette/link/wire.h"

namespace vedette::link {

/// Who takes the messages that a MessageReader finds. Every call may throw ProtocolError.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  /// Prefix and header are there. Returns where the body goes: spans that hold prefix.body_bytes together and stay
  /// until on_message(). Both are called for every message, with a body or without.
  virtual std::span<const std::span<uint8_t>> on_header(const Prefix& prefix, std::span<const uint8_t> header) = 0;
  virtual void on_message() = 0;
};

/// Cuts a stream of bytes into messages. Small ones come out of a staging buffer, many with one read; a body is read
/// straight to where it belongs. Nothing is allocated before its length was checked. Pure: whoever owns it reads.
class MessageReader {
 public:
  explicit MessageReader(MessageSink& sink) : sink_(sink) {}

  void set_limits(WireLimits limits) { limits_ = limits; }
  /// Where the next bytes go, in this order: never empty. Valid until advance().
  std::span<const iovec> targets();
  /// `bytes` have been put there. Calls the sink; throws what it throws, after which the reader is of no more use.
  void advance(size_t bytes);
  /// Whether a message has begun and is not complete.
  bool in_message() const { return state_ != State::kPrefix || staged_ > 0; }

 private:
  enum class State { kPrefix, kHeader, kBody };
  static constexpr size_t kStagingBytes = 4096;
  static constexpr size_t kMostTargets = 64;

  void consume();
  void begin_body(std::span<const uint8_t> header);
  /// Moves the place that the body is filled to. Returns how many of `bytes` belong to the body.
  size_t fill_body(size_t bytes);
  void end_body();

  MessageSink& sink_;
  WireLimits limits_;
  State state_ = State::kPrefix;
  Prefix prefix_;
  std::vector<uint8_t> header_;  // of a header that does not come in one piece
  size_t header_filled_ = 0;
  std::vector<std::span<uint8_t>> body_;  // what is still to be filled
  size_t body_at_ = 0;
  std::array<uint8_t, kStagingBytes> staging_{};
  size_t staged_ = 0;  // bytes at the start of staging_ that were not used yet
  std::vector<iovec> targets_;
};

}  // namespace vedette::link
