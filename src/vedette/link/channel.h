#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "vedette/base/time.h"
#include "vedette/frame/observation.h"

namespace vedette::link {

/// What one stage, or a source, puts out for one stream, on its way from one node to one other. It is sent once,
/// whoever reads it over there.
struct ChannelId {
  std::string producer;  ///< key of the stage that emits it, or "source"
  std::string stream;    ///< key of the source
  friend auto operator<=>(const ChannelId&, const ChannelId&) = default;
};

/// "producer/stream", for log lines and metrics.
std::string to_string(const ChannelId& id);

/// What a sender does with one more observation when `capacity` of them wait.
enum class WhenFull {
  kBlock,       ///< reserve() says no: back-pressure, nothing is lost
  kLatest,      ///< keeps the newest of those not yet sent; the others are gaps, "superseded"
  kDropOldest,  ///< lets the oldest not yet sent go: a gap, "queue_full"
};

/// How the picture rides.
enum class PictureForm {
  kAuto,  ///< raw where the link is so fast that coding and decoding would take longer; JPEG elsewhere
  kRaw,   ///< raw pixels always; a frame that has none rides as its JPEG
  kJpeg,  ///< as JPEG always
};

struct SenderOptions {
  size_t capacity = 4;  ///< observations kept until the receiver has them, sent or not
  WhenFull when_full = WhenFull::kBlock;
  Duration deadline{
      0};  ///< unsent so long after Frame::arrival, an observation is dropped: a gap, "deadline"; 0: never
  /// While the peer is away or has not opened the channel, a kBlock sender holds the upstream back so long and then
  /// lets the oldest go: gaps, "unreachable". 0: it holds for ever.
  Duration patience = std::chrono::seconds(2);
  bool pixels = true;     ///< whether the picture is needed over there
  bool crops = true;      ///< whether Object::crop is
  int jpeg_quality = 85;  ///< 1 … 100, of what has to be encoded
  PictureForm form = PictureForm::kAuto;
  size_t max_held_bytes = size_t{256} << 20;  ///< beyond it the oldest unsent goes: a gap, "queue_full"
};

/// The sending end of a channel. All calls may come from any thread and none waits for the network. When the connection
/// breaks, what the receiver has not acknowledged is kept and sent again; nothing arrives twice, and what could not be
/// kept arrives as a counted gap.
class Sender {
 public:
  /// Closes. No callback is running or will be called afterwards (unless this is done from within one).
  virtual ~Sender() = default;

  /// A place for one more. False when full (kBlock only): on_room() will be called once there is room.
  virtual bool reserve() = 0;
  /// A place that reserve() gave is not needed after all.
  virtual void give_back() = 0;
  /// Sends. `reserved` says that reserve() was called for it; without, a full kBlock sender takes it all the same, up
  /// to SenderOptions::max_held_bytes. Writes to the socket at once when that is idle, which takes the kernel as long
  /// as copying does. After end() or close() it does nothing.
  virtual void send(Observation observation, bool reserved) = 0;
  /// The stream has ended: the receiver is told once everything before has arrived. on_room() is called when it knows.
  virtual void end() = 0;
  /// No more will come by this way, and the stream goes on by another: whoever receives now gets the rest. Once that
  /// receiver has gone, what it did not get is dropped ("unreachable"): it would be stale to the next one.
  virtual void part() = 0;
  /// Whether end() was called and the receiver has everything.
  virtual bool drained() const = 0;
  /// Forgets what has not been sent and tells the receiver that no more will come. Callbacks as for the destructor.
  virtual void close() = 0;
};

/// Called from the link's threads, one call at a time, in the order of the channel. Calls must be quick: other channels
/// wait. None is made while holding a lock of the link's, so a handler may call the Receiver, Sender and Endpoint.
class ReceiverHandler {
 public:
  virtual ~ReceiverHandler() = default;
  /// Frame::stream is the receiver's own StreamInfo, Frame::arrival is in the receiver's monotonic clock, pictures are
  /// raw. Uses up one credit.
  virtual void on_observation(Observation observation) = 0;
  /// `observations` of them will never come. Reasons: the sender's "superseded", "queue_full", "deadline",
  /// "unreachable", "encode_failed", "too_large"; the receiver's "decode_failed", "invalid"; "lost" for any other hole
  /// in the numbering; "sender_restarted" with 0 when a new sender took over and nobody can know the number.
  virtual void on_gap(uint64_t observations, std::string_view reason) = 0;
  /// The sender's stream ended and everything before was handed on.
  virtual void on_end() = 0;
  /// The sender was closed and everything that it sent was handed on. Another one may come.
  virtual void on_closed() {}
};

struct ReceiverOptions {
  size_t credit = 4;  ///< observations that may come before the first grant()
};

/// The receiving end of a channel.
class Receiver {
 public:
  /// Closes. No callback is running or will be called afterwards (unless this is done from within one): do not destroy
  /// it while holding a lock that the handler takes.
  virtual ~Receiver() = default;
  /// `places` more observations may come. From any thread.
  virtual void grant(size_t places) = 0;
};

}  // namespace vedette::link
