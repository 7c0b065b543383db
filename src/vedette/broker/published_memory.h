#pragma once

#include <memory>
#include <optional>
#include <span>

#include "vedette/base/time.h"
#include "vedette/broker/lane.h"
#include "vedette/framelog/record.h"

namespace vedette::broker {

class ClientStream;

namespace v1 {
class PublicationOpened;
class StreamHead;
}  // namespace v1

/// The memory that one publication's frames lie in until the broker has copied them, and its lane to subscribers on
/// this host. One thread at a time.
class PublishedMemory {
 public:
  /// Throws Error(kExhausted | kUnavailable) when the system has none.
  PublishedMemory();
  /// Before the publication is opened.
  void offer(ClientStream& stream, uint64_t publication);
  void opened(const v1::PublicationOpened& about);
  /// Copies the frame in and tells of it: subscribers that wait, then the broker. False for one that is too large: it
  /// was not sent. `head` is the frame's. Throws Error(kTimeout) when the broker takes nothing so long,
  /// Error(kUnavailable) when it is lost.
  bool send(ClientStream& stream, v1::StreamHead& head, const framelog::RecordInfo& info,
            std::span<const std::byte> bytes, Duration timeout);
  /// A frame went another way.
  void passed_over(const framelog::RecordInfo& info);

 private:
  std::optional<framelog::RecordInfo> numbered(const framelog::RecordInfo& info,
                                               std::span<const std::byte> bytes) const;
  const std::shared_ptr<link::SharedArena> arena_;
  link::SharedWriter writer_;
  LaneWriter lane_;
  uint64_t next_sequence_ = 0;
  Timestamp newest_{};
  bool refused_ = false;  // the broker ends the publication when it comes to that frame, and takes none behind it
};

}  // namespace vedette::broker
