#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "vedette/broker/access.h"
#include "vedette/broker/feed.h"
#include "vedette/broker/subscription.h"
#include "vedette/framelog/log_set.h"
#include "vedette/net/authority.h"

namespace vedette::broker {

namespace v1 {
class CameraInfo;
class PublishOpen;
class RegisterRequest;
class Replica;
class SessionState;
}  // namespace v1

/// A camera's name: letters, digits, '.', '_', '-' and '/', at most 128. Throws Error(kUsage).
void check_camera_name(const std::string& name);

class Core;

/// The right to append to one camera, until it is destroyed. One thread at a time.
class Publication {
 public:
  ~Publication();
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;

  /// Where the next frame's bytes go. Throws Error(kInvalidData) for a frame that is too large.
  std::span<std::byte> reserve(size_t bytes);
  /// Takes what reserve() gave, if check_frame_bytes() agrees. Throws Error(kInvalidData): also for a time that does
  /// not grow.
  void commit(framelog::RecordInfo info, size_t bytes);
  uint64_t frames() const { return frames_; }
  uint64_t bytes() const { return bytes_; }
  const std::string& camera() const { return camera_; }

 private:
  friend class Core;
  Publication(Core& core, std::string camera, std::shared_ptr<Feed> feed);

  Core& core_;
  const std::string camera_;
  const std::shared_ptr<Feed> feed_;
  std::span<std::byte> room_;
  uint64_t frames_ = 0, bytes_ = 0;
};

struct CoreOptions {
  std::string name;  ///< of this broker
  framelog::LogSetOptions logs;
  size_t feed_bytes = size_t{128} << 20;  ///< of the log of a quality that is made or fetched for subscribers
  size_t max_subscriptions = 4096;
  size_t max_sessions = 4096;
  std::shared_ptr<const net::Authority> authority;  ///< null: everybody is admin
  Access access;
};

/// Cameras, feeds, subscriptions and sessions of a broker, whatever carries them. Thread-safe.
class Core {
 public:
  /// Makes what fills a feed of a camera that is published here (`origin` is its untouched feed) or of one that another
  /// broker has (`origin` null). Called without locks held.
  using MakeSource = std::function<std::shared_ptr<FeedSource>(const std::string& camera, const Quality& quality,
                                                               Feed& feed, std::shared_ptr<Feed> origin)>;
  Core(CoreOptions options, MakeSource make_source);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  const CoreOptions& options() const { return options_; }

  // Whoever comes. `authorization`: "Bearer vdt_…" or empty. Throws net::HttpError(401) or Error(kPermissionDenied).
  net::Principal admit(std::string_view authorization) const;
  bool still_valid(const net::Principal& who) const;

  // Sessions.
  /// A new one, or the one that is resumed when it is known and the same token's. Throws Error(kExhausted).
  std::string begin_session(const net::Principal& who, const std::string& resume, bool& resumed);
  /// Throws Error(kPermissionDenied) for an unknown one.
  net::Principal session_owner(const std::string& session) const;
  void end_session(const std::string& session);

  // Cameras. All throw Error(kPermissionDenied | kNotFound) as fits.
  std::unique_ptr<Publication> publish(const net::Principal& who, const v1::PublishOpen& open);
  std::vector<v1::CameraInfo> cameras(const net::Principal& who, const std::string& glob) const;
  v1::CameraInfo camera(const net::Principal& who, const std::string& name) const;

  // Subscriptions.
  std::shared_ptr<Subscription> subscribe(const net::Principal& who, const v1::SubscribeRequest& request,
                                          std::function<void()> wake);
  /// Its own, or anybody's for an administrator or a node. Throws Error(kNotFound).
  std::shared_ptr<Subscription> subscription(const net::Principal& who, const std::string& id) const;
  void set_target(const std::shared_ptr<Subscription>& subscription, double latency_ms, double accuracy);
  void feedback(const Subscription& subscription, const v1::FeedbackRequest& seen);
  /// The transport is done with it.
  void drop(const std::shared_ptr<Subscription>& subscription);

  // Brokers that registered.
  struct Remote {
    std::string broker;
    std::string address;
    MonotonicTime until{};
  };
  void register_broker(const v1::RegisterRequest& request, Duration lease);
  void unregister_broker(const std::string& broker);
  std::optional<Remote> remote_of(const std::string& camera) const;
  /// Own cameras, for registering elsewhere.
  std::vector<v1::CameraInfo> own_cameras() const;

  // Replication to a standby: `listener` gets the whole state, then every change, until unlisten(). Must be quick.
  uint64_t listen(std::function<void(const v1::Replica&)> listener);
  void unlisten(uint64_t listener);
  void adopt_session(const v1::SessionState& state);

  /// Tells all subscribers that the broker ends, and takes nobody new.
  void shut_down();
  bool shutting_down() const;

 private:
  friend class Publication;
  struct Camera;
  struct Session;

  std::shared_ptr<Feed> feed_for(const std::string& camera, const Quality& quality);
  void fill_info(const std::string& name, const Camera& camera, v1::CameraInfo& info) const;
  void withdraw(const std::string& camera);
  void retire(std::shared_ptr<Feed> feed);
  void tick();
  void run(const std::stop_token& stop);
  void tell(const v1::Replica& change) const;

  const CoreOptions options_;
  const MakeSource make_source_;
  framelog::LogSet logs_;
  mutable std::mutex mutex_;
  std::mutex making_;  // of feeds: one at a time, while mutex_ is free
  std::map<std::string, std::unique_ptr<Camera>> cameras_;
  std::map<std::string, std::shared_ptr<Subscription>> subscriptions_;
  std::map<std::string, Session> sessions_;
  std::map<uint64_t, std::function<void(const v1::Replica&)>> listeners_;
  std::vector<std::pair<MonotonicTime, std::shared_ptr<Feed>>> retired_;
  uint64_t last_listener_ = 0;
  bool shutting_down_ = false;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace vedette::broker
