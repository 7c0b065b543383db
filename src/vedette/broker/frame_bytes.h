#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vedette/framelog/frame_ref.h"
#include "vedette/framelog/record.h"

namespace grpc {
class ByteBuffer;
}

namespace vedette::broker {

/// For gRPC's channels and servers: a frame shall not wait for its receiver to allow more of it, and go in few pieces.
/// More is on the way to a subscriber that does not read only where gRPC probes for a larger window.
constexpr int kLookaheadBytes = 256 << 10;
constexpr int kHttp2FrameBytes = 1 << 20;

namespace v1 {
class Event;
class Frame;
class PublishRequest;
}  // namespace v1

/// More than the largest frame with its head.
constexpr size_t kMaxMessageBytes = framelog::kMaxFrameBytes + (size_t{1} << 16);

/// The head of a frame (all but its bytes) as broker.proto has it, and back. from_head() throws Error(kInvalidData) for
/// an unknown encoding, sides of 0 or beyond 65,535, a time before 1970.
void to_head(const framelog::RecordInfo& info, Timestamp sent, v1::Frame& head);
framelog::RecordInfo from_head(const v1::Frame& head);

/// The head as a log keeps it: whole microseconds, and the size of a JPEG if the head has none. Throws
/// Error(kInvalidData) when the bytes cannot be what the head says, by their length or first bytes alone: not a JPEG,
/// another size than the head's, raw pixels that are too few or too many.
framelog::RecordInfo checked_info(framelog::RecordInfo info, std::span<const std::byte> bytes);

/// The serialised Event{frame} with the bytes where they are: a slice of the log's memory that `frame` keeps.
grpc::ByteBuffer event_of(const v1::Frame& head, const framelog::FrameRef& frame);
grpc::ByteBuffer event_of(const v1::Event& notice);
/// The serialised PublishRequest{frame}; `bytes` must stay until it was written.
grpc::ByteBuffer request_of(const v1::Frame& head, std::span<const std::byte> bytes);
grpc::ByteBuffer request_of(const v1::PublishRequest& open);

/// A message whose frame's bytes were not copied out of the buffer yet.
class FrameMessage {
 public:
  FrameMessage();
  ~FrameMessage();
  FrameMessage(FrameMessage&&) noexcept;
  FrameMessage& operator=(FrameMessage&&) noexcept;

  /// Reads a PublishRequest or an Event, whatever its `frame` field's number is. Throws Error(kInvalidData) when it is
  /// none, or longer than kMaxMessageBytes.
  static FrameMessage of_request(const grpc::ByteBuffer& buffer);
  static FrameMessage of_event(const grpc::ByteBuffer& buffer);

  /// Null when the message has no frame.
  const v1::Frame* frame() const;
  size_t frame_bytes() const;
  /// Copies the frame's bytes to `into`, which holds frame_bytes().
  void copy_to(std::span<std::byte> into) const;
  /// Of a message without a frame.
  v1::PublishRequest* request() const;
  v1::Event* event() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace vedette::broker
