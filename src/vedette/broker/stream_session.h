#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "vedette/broker/core.h"
#include "vedette/broker/lane.h"
#include "vedette/link/connection.h"

namespace vedette::broker {

namespace v1 {
class OfferMemory;
class PublishOpen;
class StreamHead;
}  // namespace v1

/// One client's connection at the broker (stream_server.h has the messages).
class StreamSession final : public link::Connection::Role, public std::enable_shared_from_this<StreamSession> {
 public:
  StreamSession(std::shared_ptr<link::Context> context, Core& core, std::string from, bool is_unix);
  ~StreamSession() override;

  // On the loop's thread.
  void open(std::unique_ptr<link::Socket> socket, bool tls);
  MonotonicTime tick(MonotonicTime system_now);
  void close(const std::string& why);
  /// Whether it can be forgotten: closed, and its client had the time to notice.
  bool finished(MonotonicTime system_now) const;
  /// Lets go of the connection, which holds its role, this.
  void forget() { connection_.reset(); }

  void on_connected(link::Connection&) override {}
  void on_control(link::Connection& connection, link::MessageType type, std::span<const uint8_t> header) override;
  std::span<const std::span<uint8_t>> begin_observation(link::Connection& connection, std::span<const uint8_t> header,
                                                        size_t body_bytes) override;
  void end_observation(link::Connection& connection) override;
  void on_closed(link::Connection& connection, const std::string& why) override;
  bool next_message(link::Connection& connection, link::OutgoingMessage& message) override;
  void on_written(const link::OutgoingMessage&, MonotonicTime, MonotonicTime) override {}

 private:
  /// The memory that frames are published from.
  struct Offered {
    std::shared_ptr<link::SharedReader> memory;
    std::shared_ptr<const Lane> lane;
  };
  struct Subscribed {
    std::shared_ptr<Subscription> subscription;
    uint64_t sent = 0, credit = 0;  // frames
    std::shared_ptr<const Lane> lane{};  // that was passed last
    std::weak_ptr<const Feed> lane_of{};  // whose lane it is
    uint64_t pass = 0;
    uint32_t claim = LaneClaims::kMost;
  };

  void hello(link::Connection& connection, std::span<const uint8_t> header);
  void handle(const v1::StreamHead& head);
  void open(uint64_t id, const v1::PublishOpen& request);
  void offer(uint64_t id, const v1::OfferMemory& about);
  /// Its memory, too, to which frames may be on their way until its client closes it.
  void end_publication(uint64_t id);
  void subscribe(uint64_t id, const v1::SubscribeRequest& request);
  void take_shared(const v1::StreamHead& head);
  void answer(const v1::StreamHead& head);
  void fault(uint64_t id, const Error& error);
  bool pass_lane(uint64_t id, Subscribed& to, link::OutgoingMessage& message);
  bool share(const Subscription& subscription, const framelog::FrameRef& frame, v1::StreamHead& head,
             link::OutgoingMessage& message);

  const std::shared_ptr<link::Context> context_;
  Core& core_;
  const std::string from_;
  const bool is_unix_;

  // Of the loop's thread.
  std::shared_ptr<link::Connection> connection_;
  net::Principal who_;
  bool greeted_ = false, closed_ = false, takes_lanes_ = false;
  MonotonicTime closed_at_{};
  std::map<uint64_t, std::unique_ptr<Publication>> publications_;
  std::map<uint64_t, Offered> offered_;  // by publication; 0: for those without one
  uint64_t incoming_id_ = 0;
  size_t incoming_bytes_ = 0;
  std::unique_ptr<v1::StreamHead> incoming_;
  std::vector<std::span<uint8_t>> into_;
  std::vector<uint8_t> waste_;

  std::mutex mutex_;  // of what whoever writes needs, too
  std::map<uint64_t, Subscribed> subscriptions_;
  uint64_t turn_ = 0;  // the subscription that was served last
  std::map<uint64_t, framelog::SegmentPtr> pins_;  // by memory
  std::unique_ptr<LaneClaims> claims_;
  uint64_t last_pass_ = 0;
  std::set<uint32_t> free_claims_;
  std::map<uint64_t, uint64_t> passed_;  // memory whose file the client has: frames of it sent so far, over all pins
};

}  // namespace vedette::broker
