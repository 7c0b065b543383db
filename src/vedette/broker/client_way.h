#pragma once

#include <memory>
#include <optional>

#include "vedette/broker/connector.h"

namespace vedette::broker {

/// One way of being subscribed, until it ends or breaks. Whoever calls next() does the work of receiving, too: no other
/// thread has to be woken for a frame.
class ClientWay {
 public:
  virtual ~ClientWay() = default;
  /// The next frame or notice; else nothing at the deadline, after unsubscribe(), or, with `error` set, when nothing
  /// more comes. One thread at a time.
  virtual std::optional<Received> next(MonotonicTime deadline, std::optional<Error>& error) = 0;

  // From any thread.
  virtual void set_target(const v1::Target& target) = 0;
  virtual void feedback(const v1::FeedbackRequest& seen) = 0;
  /// Ends it, and whoever waits in next().
  virtual void unsubscribe() = 0;
  /// The connection is, not the subscription: it can be resumed.
  bool broken() const { return broken_; }

 protected:
  std::atomic<bool> broken_{false};
};

/// By the connection's stream, with or without shared memory.
std::shared_ptr<ClientWay> subscribe_by_stream(const std::shared_ptr<ClientStream>& stream, uint64_t id,
                                               const v1::SubscribeRequest& request);
/// By the gRPC call.
std::shared_ptr<ClientWay> subscribe_by_call(std::shared_ptr<Connected> connected, const v1::SubscribeRequest& request);

Received received_of(const v1::Frame& head, std::span<const std::byte> bytes, std::shared_ptr<const void> keep);

}  // namespace vedette::broker
