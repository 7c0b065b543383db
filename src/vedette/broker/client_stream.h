#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "vedette/broker/lane.h"
#include "vedette/link/connection.h"
#include "vedette/link/context.h"

namespace vedette::broker {

namespace v1 {
class Frame;
class PassLane;
class StreamHead;
}  // namespace v1

/// Who takes what comes for one id. Called on the stream's thread.
class StreamSink {
 public:
  virtual ~StreamSink() = default;
  virtual void on_head(const v1::StreamHead& head) = 0;
  virtual void on_frame(const v1::Frame& head, std::span<const std::byte> bytes, std::shared_ptr<const void> keep) = 0;
  /// Another lane, or null for none any more.
  virtual void on_lane(const std::shared_ptr<const LaneReader>&, const std::shared_ptr<LaneClaims>&,
                       const v1::PassLane&) {}
  virtual void on_lost(const std::string& why) = 0;
};

/// The client's end of a stream to a broker (stream_server.h has the messages), with a thread of its own.
class ClientStream final : public link::Connection::Role, public std::enable_shared_from_this<ClientStream> {
 public:
  /// Connects and greets. `tls`: for TCP, null for none. Throws Error(kUnavailable | kPermissionDenied | kTimeout).
  static std::shared_ptr<ClientStream> connect(const std::string& address, const std::string& session,
                                               const std::shared_ptr<SSL_CTX>& tls, Duration timeout);
  explicit ClientStream(std::shared_ptr<SSL_CTX> tls);
  ~ClientStream() override;
  /// Ends it and joins its thread; everybody is told.
  void stop();

  bool alive() const;
  /// As IoLoop's: the caller's thread does the stream's work while it waits.
  bool lend(const std::function<bool()>& done, MonotonicTime deadline) { return context_->loop.lend(done, deadline); }
  void wait_is_over() { context_->loop.wait_is_over(); }
  /// Has whoever lent a thread look again.
  void wake() {
    context_->loop.post([] {});
  }
  bool shares_memory() const { return unix_; }
  BufferPool& pool() { return context_->pool; }
  /// On the stream's thread: the handler is called when the file becomes readable, once for each time. False when it
  /// cannot be waited for.
  bool watch(int file, std::shared_ptr<link::IoLoop::Handler> handler);
  void unwatch(int file) { context_->loop.remove(file); }
  void post(std::function<void()> task) { context_->loop.post(std::move(task)); }
  void attach(uint64_t id, std::weak_ptr<StreamSink> sink);
  void detach(uint64_t id);
  void send(const v1::StreamHead& head, std::vector<int> files = {});
  /// Returns when the bytes were handed to the system or copied. Throws Error(kUnavailable | kTimeout).
  void send_frame(v1::StreamHead& head, std::span<const std::byte> bytes, Duration timeout);

  void on_connected(link::Connection& connection) override;
  void on_control(link::Connection& connection, link::MessageType type, std::span<const uint8_t> header) override;
  std::span<const std::span<uint8_t>> begin_observation(link::Connection& connection, std::span<const uint8_t> header,
                                                        size_t body_bytes) override;
  void end_observation(link::Connection& connection) override;
  void on_closed(link::Connection& connection, const std::string& why) override;
  bool next_message(link::Connection& connection, link::OutgoingMessage& message) override;
  void on_written(const link::OutgoingMessage& message, MonotonicTime, MonotonicTime) override;

 private:
  struct Pending;
  struct Mapping;
  struct View;

  std::shared_ptr<StreamSink> sink_of(uint64_t id);
  void take_shared(const v1::StreamHead& head);
  void release(Mapping& mapping);
  void take_lane(const v1::StreamHead& head);

  std::string session_;
  bool unix_ = false;
  std::shared_ptr<link::Context> context_;
  std::shared_ptr<link::Connection> connection_;

  // Of the loop's thread.
  bool opened_ = false;  // before, there is nothing to tick
  std::deque<link::Descriptor> files_;
  std::shared_ptr<LaneClaims> claims_;
  std::map<uint64_t, std::shared_ptr<Mapping>> mappings_;
  std::unique_ptr<v1::StreamHead> incoming_;
  std::shared_ptr<uint8_t> body_;
  size_t body_bytes_ = 0;
  std::vector<std::span<uint8_t>> into_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool greeted_ = false, closed_ = false;
  std::string why_;
  bool refused_ = false;
  std::map<uint64_t, std::weak_ptr<StreamSink>> sinks_;
  std::deque<std::shared_ptr<Pending>> pending_;
  std::atomic<uint64_t> current_segment_{0};
};

}  // namespace vedette::broker
