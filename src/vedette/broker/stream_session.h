#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "vedette/broker/core.h"
#include "vedette/link/connection.h"

namespace vedette::broker {

namespace v1 {
class StreamHead;
}

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
  struct Publishing {
    std::unique_ptr<Publication> publication;
  };
  struct Subscribed {
    std::shared_ptr<Subscription> subscription;
    uint64_t sent = 0, credit = 0;  // frames
  };

  void hello(link::Connection& connection, std::span<const uint8_t> header);
  void handle(const v1::StreamHead& head);
  void subscribe(uint64_t id, const v1::SubscribeRequest& request);
  void take_shared(const v1::StreamHead& head);
  void answer(const v1::StreamHead& head);
  void fault(uint64_t id, const Error& error);
  bool share(const Subscription& subscription, const framelog::FrameRef& frame, v1::StreamHead& head,
             link::OutgoingMessage& message);

  const std::shared_ptr<link::Context> context_;
  Core& core_;
  const std::string from_;
  const bool is_unix_;

  // Of the loop's thread.
  std::shared_ptr<link::Connection> connection_;
  net::Principal who_;
  bool greeted_ = false, closed_ = false;
  MonotonicTime closed_at_{};
  std::map<uint64_t, Publishing> publications_;
  std::shared_ptr<link::SharedReader> offered_;
  uint64_t incoming_id_ = 0;
  size_t incoming_bytes_ = 0;
  std::unique_ptr<v1::StreamHead> incoming_;
  std::vector<std::span<uint8_t>> into_;
  std::vector<uint8_t> waste_;

  std::mutex mutex_;  // of what whoever writes needs, too
  std::map<uint64_t, Subscribed> subscriptions_;
  uint64_t turn_ = 0;  // the subscription that was served last
  std::map<uint64_t, framelog::SegmentPtr> pins_;  // by memory
  std::map<uint64_t, uint64_t> passed_;  // memory whose file the client has: frames of it sent so far, over all pins
};

}  // namespace vedette::broker
