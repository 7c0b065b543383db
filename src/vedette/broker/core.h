#pragma once

#include <atomic>
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
#include "vedette/broker/cameras.h"
#include "vedette/broker/publication.h"
#include "vedette/broker/replication.h"
#include "vedette/broker/sessions.h"
#include "vedette/broker/subscription.h"
#include "vedette/framelog/knob_table.h"
#include "vedette/net/authority.h"

namespace vedette::broker {

struct CoreOptions {
  std::string name;  ///< of this broker
  framelog::LogSetOptions logs;
  size_t feed_bytes = size_t{128} << 20;  ///< of the log of a quality that is made or fetched for subscribers
  size_t max_subscriptions = 4096;
  size_t max_sessions = 4096;
  std::shared_ptr<const net::Authority> authority;  ///< null: everybody is admin
  Access access;
  std::string channel;  ///< that its frames go over to servers; empty: one of its own
  /// That the policies here choose from by limits, for servers that divide the channel; null: they take none.
  std::shared_ptr<const framelog::KnobTable> table;
};

/// What a broker does, whatever carries the frames: who may come, cameras, subscriptions, sessions, replication.
/// Thread-safe.
class Core {
 public:
  Core(CoreOptions options, Cameras::MakeSource make_source);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  const CoreOptions& options() const { return options_; }

  // Whoever comes. `authorization`: "Bearer vdt_…" or empty. Throws net::HttpError(401) or Error(kPermissionDenied).
  net::Principal admit(std::string_view authorization) const;
  bool still_valid(const net::Principal& who) const;

  // Sessions: as Sessions; begin_session() throws Error(kUnavailable) once the broker ends.
  std::string begin_session(const net::Principal& who, const std::string& resume, bool& resumed);
  net::Principal session_owner(const std::string& session) const { return sessions_.owner(session); }
  void end_session(const std::string& session);

  // Cameras. All throw Error(kPermissionDenied | kNotFound) as fits.
  std::unique_ptr<Publication> publish(const net::Principal& who, const v1::PublishOpen& open);
  std::vector<v1::CameraInfo> cameras(const net::Principal& who, const std::string& glob) const;
  v1::CameraInfo camera(const net::Principal& who, const std::string& name) const;
  std::shared_ptr<const Traffic> traffic(const std::string& camera) const { return cameras_.traffic(camera); }

  // Subscriptions (core_subscriptions.cc).
  std::shared_ptr<Subscription> subscribe(const net::Principal& who, const v1::SubscribeRequest& request,
                                          std::function<void()> wake);
  /// Its own, or anybody's for an administrator or a node. Throws Error(kNotFound).
  std::shared_ptr<Subscription> subscription(const net::Principal& who, const std::string& id) const;
  /// Readers of the past whose next frame is in the feed of those who follow the camera share it from now on, so that
  /// it is moved once. The core does so by itself, too, now and then.
  void join_live();
  void set_target(const std::shared_ptr<Subscription>& subscription, double latency_ms, double accuracy);
  static void feedback(const Subscription& subscription, const v1::FeedbackRequest& seen);
  /// The transport is done with it.
  void drop(const std::shared_ptr<Subscription>& subscription);

  // Brokers that registered.
  void register_broker(const v1::RegisterRequest& request, Duration lease);
  void unregister_broker(const std::string& broker);
  std::optional<Cameras::Remote> remote_of(const std::string& camera) const { return cameras_.remote_of(camera); }
  /// Own cameras, for registering elsewhere.
  std::vector<v1::CameraInfo> own_cameras() const;

  // Replication to a standby: `listener` gets the whole state, then every change, until unlisten(). Must be quick.
  uint64_t listen(ReplicaListeners::Listener listener);
  void unlisten(uint64_t listener) { listeners_.remove(listener); }
  // The standby's side.
  /// A change at the primary. `lease`: of what is registered there.
  void adopt(const v1::Replica& change, Duration lease);
  /// The primary is lost: fetches what its subscribers had, for they will come here. Gives back how many qualities.
  size_t take_over();

  size_t session_count() const { return sessions_.count(); }
  size_t subscription_count() const;

  /// Tells all subscribers that the broker ends, and takes nobody new.
  void shut_down();
  bool shutting_down() const { return shutting_down_; }

 private:
  struct Subscribed;

  Subscription::Options admitted(const net::Principal& who, const v1::SubscribeRequest& request,
                                 Quality& quality) const;
  void tell_subscription(const std::string& id) const;
  void tell_places();
  void move(const std::shared_ptr<Subscription>& subscription, const std::shared_ptr<Feed>& from,
            const std::shared_ptr<Feed>& to, Duration linger);
  void move_all(const std::shared_ptr<Feed>& from);
  void retire(std::shared_ptr<Feed> feed, Duration linger);
  void tick();
  void run(const std::stop_token& stop);

  const CoreOptions options_;
  const std::shared_ptr<const v1::Event> table_;  // CoreOptions::table as a notice
  Cameras cameras_;
  Sessions sessions_;
  ReplicaListeners listeners_;
  AdoptedSubscriptions adopted_;
  mutable std::mutex mutex_;
  std::map<std::string, Subscribed> subscriptions_;
  std::vector<std::pair<MonotonicTime, std::shared_ptr<Feed>>> retired_;  // whose subscribers may come back
  std::mutex moving_;  // of who moves subscriptions from feed to feed; before all others, and not by drop()
  std::atomic<bool> shutting_down_{false};
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace vedette::broker
