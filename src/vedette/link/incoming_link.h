#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "vedette/link/connection.h"
#include "vedette/link/incoming_channel.h"
#include "vedette/link/observation_decoder.h"

namespace vedette::link {

/// A connection from a node that sends to us: checks who it is, then sorts what comes into the channels.
///
///   waiting for Hello ──right──▶ waiting for Ready ──▶ ready ──▶ closed
///          └────────wrong (Refusal)────────────────────────────────▲
class IncomingLink final : public Connection::Role, public std::enable_shared_from_this<IncomingLink> {
 public:
  /// `on_hello` is told when a node has shown who it is, `on_gone` when the connection has closed; both on the loop's
  /// thread.
  struct Owner {
    virtual ~Owner() = default;
    virtual void on_hello(IncomingLink& link) = 0;
    virtual void on_gone(IncomingLink& link) = 0;
  };
  IncomingLink(std::shared_ptr<Context> context, std::shared_ptr<ReceiverRegistry> receivers, Owner& owner,
               std::string from, bool is_unix);

  // On the loop's thread.
  void open(std::unique_ptr<Socket> socket, bool tls);
  const std::string& node() const { return node_; }
  uint64_t epoch() const { return epoch_; }
  /// A receiver for something that may have been opened here.
  void offer(const std::shared_ptr<IncomingChannel>& channel);
  void close(const std::string& why);
  MonotonicTime tick(MonotonicTime system_now);

  // From any thread.
  void send(std::vector<uint8_t> message);
  PeerStatus status() const;

  void on_connected(Connection& connection) override;
  void on_control(Connection& connection, MessageType type, std::span<const uint8_t> header) override;
  std::span<const std::span<uint8_t>> begin_observation(Connection& connection, std::span<const uint8_t> header,
                                                        size_t body_bytes) override;
  void end_observation(Connection& connection) override;
  void on_closed(Connection& connection, const std::string& why) override;
  bool next_message(Connection& connection, OutgoingMessage& message) override;
  void on_written(const OutgoingMessage& message, MonotonicTime began, MonotonicTime ended) override;

 private:
  struct Opened {
    ChannelId id;
    IncomingChannel::Opening opening;
    uint32_t attachment = 0;
    std::shared_ptr<IncomingChannel> receiver;  // null while nobody wants it
  };

  void hello(Connection& connection, std::span<const uint8_t> header);
  void refuse(Connection& connection, int code, const std::string& why);
  void map_shared_memory(Connection& connection, std::span<const uint8_t> header);
  void attach(Opened& opened, const std::shared_ptr<IncomingChannel>& receiver);
  /// The receiver that this message is for; null when it comes too late.
  IncomingChannel* receiver_of(uint32_t channel, uint32_t attachment);

  const std::shared_ptr<Context> context_;
  const std::shared_ptr<ReceiverRegistry> receivers_;
  Owner& owner_;
  const std::string from_;
  const bool is_unix_;

  // Of the loop's thread.
  std::string node_;
  uint64_t epoch_ = 0;
  bool ready_ = false;
  MonotonicTime welcome_sent_{};
  std::map<uint32_t, Opened> opened_;
  ObservationDecoder decoder_;

  mutable std::mutex mutex_;
  std::shared_ptr<Connection> connection_;
  PeerStatus status_;
};

}  // namespace vedette::link
