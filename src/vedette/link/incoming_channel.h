#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "vedette/link/context.h"
#include "vedette/link/observation_decoder.h"
#include "vedette/link/receive_order.h"

namespace vedette::link {

class IncomingLink;

/// The receiving end of a channel: puts what comes in order, has JPEGs decoded, hands on, and gives credit.
class IncomingChannel : public std::enable_shared_from_this<IncomingChannel> {
 public:
  IncomingChannel(std::shared_ptr<Context> context, ChannelId id, std::string from,
                  std::shared_ptr<const StreamInfo> stream, ReceiverHandler& handler, ReceiverOptions options);

  const ChannelId& id() const { return id_; }
  const std::string& from() const { return from_; }

  // On the loop's thread.
  struct Opening {
    uint32_t channel = 0;
    uint64_t instance = 0;
    size_t capacity = 1;
  };
  /// A sender opened the channel on `link`: answers with Attach there, under this number of attachments.
  void attach(const std::shared_ptr<IncomingLink>& link, const Opening& opening, uint32_t attachment);
  /// The link is gone, or the sender closed this channel of it on purpose. Another channel of the link may have taken
  /// over before: then nothing changes.
  void detach(const IncomingLink* link, uint32_t channel, bool sender_closed);
  /// Whether it is this channel of this link that counts.
  bool takes_from(const IncomingLink* link, uint32_t channel) const;
  /// Throws ProtocolError.
  void arrived(ReceivedObservation received, MonotonicTime now);
  void marked(uint64_t number, std::vector<std::pair<std::string, uint64_t>> gaps, bool end);
  /// Tells the sender what has gathered.
  void flush();

  // From any thread.
  void grant(size_t places);
  /// No callback is running or will be called afterwards.
  void silence();
  IncomingChannelStatus status() const;

 private:
  using Gaps = std::vector<std::pair<std::string, uint64_t>>;
  struct Delivery {
    Gaps gaps;
    std::shared_ptr<ReceivedObservation> observation;
    uint64_t attached = 0;  // when it came: IncomingChannel::attached_
    uint64_t next = 0;      // the number after it
    MonotonicTime began{};
    bool end = false;
    bool closed = false;
  };

  /// The gaps that are news, and those that nobody explained.
  Gaps news(const ReceiveOrder::Arrival& arrival, Gaps gaps);
  void deliver_in_turn(Delivery delivery);
  void deliver(Delivery& delivery);
  /// A message to the sender that is due, and where it goes.
  struct Told {
    std::shared_ptr<IncomingLink> link;
    std::vector<uint8_t> message;
  };
  /// With the lock held.
  Told due(bool at_once = false);
  static void tell(Told told);
  void count(const Gaps& gaps);

  const std::shared_ptr<Context> context_;
  const ChannelId id_;
  const std::string from_;
  const std::shared_ptr<const StreamInfo> stream_;
  const std::shared_ptr<Strand> strand_;

  std::recursive_mutex delivery_mutex_;  // held during a callback, which may close the receiver
  ReceiverHandler* handler_;             // null once closed
  uint64_t delivered_attached_ = 0;      // of what was handed on last
  uint64_t delivered_next_ = 0;

  mutable std::mutex mutex_;
  ReceiveOrder order_;
  std::shared_ptr<IncomingLink> link_;
  bool silenced_ = false;  // attaches to nothing any more
  bool came_ = false;      // something, on this attachment
  uint64_t attached_ = 0;  // how often
  uint32_t channel_ = 0, attachment_ = 0;
  uint64_t received_ = 0, duplicates_ = 0, bytes_ = 0;
  vedette::link::Gaps gaps_;
  Histogram transfer_, receive_;
};

/// Who receives what, by sending node and channel.
class ReceiverRegistry {
 public:
  /// Returns the one that was there before.
  std::shared_ptr<IncomingChannel> add(const std::shared_ptr<IncomingChannel>& channel);
  void remove(const IncomingChannel& channel);
  std::shared_ptr<IncomingChannel> find(const std::string& from, const ChannelId& id) const;
  std::vector<std::shared_ptr<IncomingChannel>> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, ChannelId>, std::shared_ptr<IncomingChannel>> channels_;
};

}  // namespace vedette::link
