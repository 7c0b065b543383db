#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "vedette/link/connection.h"
#include "vedette/link/link_speed.h"
#include "vedette/link/observation_encoder.h"
#include "vedette/link/outgoing_channel.h"
#include "vedette/link/resolver.h"
#include "vedette/link/status.h"
#include "vedette/media/backoff.h"

namespace vedette::link {

/// A node that we send to: dials it, keeps the connection, and sends what its channels hold.
///
///            ┌──────────── next address ────────────┐
///            ▼                                      │ failed
///   idle ─▶ connecting ─▶ greeting ─▶ ready         │
///            ▲   └────────────┴─────────┼───────────┘
///            │ the wait is over         ▼ lost, or no address is left
///            └─────────────────────── waiting (exponential, with jitter)
class OutgoingPeer final : public Connection::Role, public std::enable_shared_from_this<OutgoingPeer> {
 public:
  OutgoingPeer(std::shared_ptr<Context> context, std::string name);

  // From any thread.
  void add(const std::shared_ptr<OutgoingChannel>& channel);
  void set_addresses(const std::vector<std::string>& addresses);
  bool reserve(OutgoingChannel& channel);
  void give_back(OutgoingChannel& channel);
  void send(const std::shared_ptr<OutgoingChannel>& channel, Observation observation, bool reserved);
  void end(OutgoingChannel& channel);
  void part(OutgoingChannel& channel);
  bool drained(const OutgoingChannel& channel) const;
  void close(OutgoingChannel& channel);
  PeerStatus status() const;
  void channel_status(std::vector<OutgoingChannelStatus>& into) const;
  bool unused() const;

  // On the loop's thread.
  MonotonicTime tick(MonotonicTime system_now);
  void shut_down();

  void on_connected(Connection& connection) override;
  void on_control(Connection& connection, MessageType type, std::span<const uint8_t> header) override;
  std::span<const std::span<uint8_t>> begin_observation(Connection& connection, std::span<const uint8_t> header,
                                                        size_t body_bytes) override;
  void end_observation(Connection& connection) override;
  void on_closed(Connection& connection, const std::string& why) override;
  bool next_message(Connection& connection, OutgoingMessage& message) override;
  void on_written(const OutgoingMessage& message, MonotonicTime began, MonotonicTime ended) override;

 private:
  enum class State { kIdle, kConnecting, kGreeting, kReady, kWaiting };
  using Channels = std::vector<std::shared_ptr<OutgoingChannel>>;

  void dial_next();
  void dial(const Address& address, const std::string& host_ip);
  void try_failed(const std::string& why);
  void welcome(Connection& connection, std::span<const uint8_t> header);
  void offer_shared_memory(Connection& connection);
  void open_channel(Connection& connection, OutgoingChannel& channel);
  void prepare(const std::shared_ptr<OutgoingChannel>& channel);
  bool choose_jpeg(const OutgoingChannel& channel, const Frame& frame) const;
  void encode_later(const std::shared_ptr<OutgoingChannel>& channel, uint64_t number, const Observation& observation);
  void encode(const std::shared_ptr<OutgoingChannel>& channel, uint64_t number, const Observation& observation);
  std::shared_ptr<OutgoingChannel> find(uint32_t number) const;
  void collect_notices(Channels& to_notify);
  static void notify(const Channels& channels);

  const std::shared_ptr<Context> context_;
  const std::string name_;

  // Of the loop's thread.
  std::vector<Address> round_;  // addresses of this round of tries that are left
  media::Backoff backoff_;
  MonotonicTime try_at_{};
  MonotonicTime hello_sent_{};
  Resolver resolver_;

  mutable std::mutex mutex_;
  State state_ = State::kIdle;
  std::vector<Address> addresses_;
  Channels channels_;
  size_t turn_ = 0;  // whose is next
  uint32_t last_number_ = 0;
  std::shared_ptr<Connection> connection_;
  /// Of the connection; used by whoever writes on it.
  struct Writing {
    ObservationEncoder encoder;
    std::unique_ptr<SharedWriter> shared;
    bool shared_accepted = false;  // guarded by mutex_
    size_t max_message_bytes = 0;
  };
  std::shared_ptr<Writing> writing_;
  std::vector<std::shared_ptr<Writing>> lent_;  // of earlier connections, whose pictures the peer still looks at
  FormChoice form_;
  double bytes_per_second_ = 0;
  PeerStatus status_;
  uint64_t bytes_sent_before_ = 0, bytes_received_before_ = 0;  // by earlier connections
};

}  // namespace vedette::link
