#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "vedette/link/clock_offset.h"
#include "vedette/link/context.h"
#include "vedette/link/message_reader.h"
#include "vedette/link/socket.h"

namespace vedette::link {

/// One connection: bytes in and out, pings, the peer's clock. What the messages mean is its Role's business.
///
///   connecting ──▶ securing (TLS) ──▶ greeting ──▶ ready
///        │               │                │          │
///        └───────────────┴───── closed ◀──┴──────────┘   refused, too slow, silent, broken, or no longer wanted
///
/// Reads happen on the loop's thread. Writes happen on the thread that has something to write, if nobody else is
/// writing: the picture goes to the kernel without waking another thread. What the kernel does not take, the loop's
/// thread writes when there is room again.
class Connection final : public IoLoop::Handler, public std::enable_shared_from_this<Connection>, private MessageSink {
 public:
  class Role {
   public:
    virtual ~Role() = default;
    // On the loop's thread. All may throw ProtocolError, which closes the connection.
    virtual void on_connected(Connection& connection) = 0;
    /// A message other than Ping, Pong and Observation.
    virtual void on_control(Connection& connection, MessageType type, std::span<const uint8_t> header) = 0;
    virtual std::span<const std::span<uint8_t>> begin_observation(Connection& connection,
                                                                  std::span<const uint8_t> header,
                                                                  size_t body_bytes) = 0;
    virtual void end_observation(Connection& connection) = 0;
    /// Once, and the last call. `why` is empty when we closed it ourselves and that is nobody's business.
    virtual void on_closed(Connection& connection, const std::string& why) = 0;

    // On any thread, but one at a time.
    /// Fills in the next message, if there is one. Not before ready().
    virtual bool next_message(Connection& connection, OutgoingMessage& message) = 0;
    virtual void on_written(const OutgoingMessage& message, MonotonicTime began, MonotonicTime ended) = 0;
  };

  enum class Tls { kNone, kServer, kClient };
  Connection(std::shared_ptr<Context> context, std::unique_ptr<Socket> socket, std::shared_ptr<Role> role);

  // On the loop's thread.
  /// `host`: whom the client's side of TLS means to reach.
  void open(bool connecting, Tls tls, const std::string& host = {});
  /// The greeting is over: longer messages are taken, pings begin.
  void ready();
  void close(const std::string& why);
  /// What was passed along on a Unix socket so far.
  std::vector<Descriptor> take_descriptors() { return std::exchange(received_, {}); }
  /// Sees to timeouts and pings; returns when it wants to be called next.
  MonotonicTime tick(MonotonicTime system_now);
  const ClockOffset& peer_clock() const { return peer_clock_; }
  void add_clock(MonotonicTime t1, MonotonicTime t2, MonotonicTime t3, MonotonicTime t4);
  /// An observation came in, as its sender's translated clock and ours have it.
  void add_speed(size_t bytes, MonotonicTime sent, MonotonicTime received);
  void on_ready() override;

  // From any thread.
  void send(std::vector<uint8_t> message, std::vector<int> descriptors = {});
  /// There may be something to write.
  void pump();

  struct Status {
    bool tls = false;
    uint64_t bytes_sent = 0, bytes_received = 0;
    Duration rtt{0}, offset{0};
    double bytes_per_second_in = 0;   ///< as we see it
    double bytes_per_second_out = 0;  ///< as the peer told
    double peer_decode_ns_per_pixel = 0;
  };
  Status status() const;

 private:
  enum class State { kConnecting, kSecuring, kGreeting, kReady, kClosed };
  struct Control {
    std::vector<uint8_t> bytes;
    std::vector<int> descriptors;
  };

  std::span<const std::span<uint8_t>> on_header(const Prefix& prefix, std::span<const uint8_t> header) override;
  void on_message() override;
  bool advance_handshake();
  void read();
  void read_ping(std::span<const uint8_t> header);
  void read_pong(std::span<const uint8_t> header);
  void send_ping();
  bool next_current();
  bool start_writing();
  bool stop_writing(bool wait);
  void watch_writes(bool watch);

  const std::shared_ptr<Context> context_;
  const std::unique_ptr<Socket> socket_;
  const std::shared_ptr<Role> role_;
  uint64_t registration_ = 0;  // with the loop

  // Of the loop's thread.
  State state_ = State::kConnecting;
  MessageReader reader_;
  bool observation_ = false;  // the message under way is one
  std::vector<Descriptor> received_;
  ClockOffset peer_clock_;
  LinkSpeed speed_;
  MonotonicTime opened_{}, heard_{}, ping_due_{};

  // Of whoever writes now.
  OutgoingMessage current_;
  std::vector<iovec> vectors_;
  size_t vector_at_ = 0;
  bool has_current_ = false, current_is_control_ = false;
  bool watching_writes_ = true;
  MonotonicTime current_began_{};

  mutable std::mutex mutex_;
  std::deque<Control> controls_;
  size_t control_bytes_ = 0;
  bool up_ = false, greeted_ = false;   // bytes may be written; messages of the role, too
  bool writing_ = false, again_ = false;  // somebody writes; somebody else wanted to meanwhile
  Status status_;
  std::atomic<uint64_t> bytes_sent_{0}, bytes_received_{0};
};

}  // namespace vedette::link
