#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "vedette/broker/feed.h"
#include "vedette/broker/publication.h"
#include "vedette/framelog/log_set.h"

namespace vedette::broker {

namespace v1 {
class CameraInfo;
class PublishOpen;
class RegisterRequest;
}  // namespace v1

struct CamerasOptions {
  std::string broker;  ///< name of this one
  framelog::LogSetOptions logs;
  size_t feed_bytes = size_t{128} << 20;  ///< of the log of a quality that is made or fetched for subscribers
};

/// What a new feed needs a source for.
struct SourceWanted {
  std::string camera;
  Quality quality;
  Feed& feed;                    ///< outlives the source
  std::shared_ptr<Feed> origin;  ///< the untouched frames, of a camera that is published here; null: at another broker
  Place after{};
};

/// The cameras that are published here, or at brokers that registered, and their feeds by quality. Thread-safe.
class Cameras {
 public:
  /// Called without locks held. May throw, which whoever wants the feed gets.
  using MakeSource = std::function<std::shared_ptr<FeedSource>(const SourceWanted& wanted)>;
  struct Remote {
    std::string broker;
    std::string address;
    std::string channel;  ///< that its frames come over
    MonotonicTime until{};  ///< end of its lease
  };
  struct Gone {
    std::string camera, broker;
    std::vector<std::shared_ptr<Feed>> feeds;
  };

  Cameras(CamerasOptions options, MakeSource make_source);
  ~Cameras();
  Cameras(const Cameras&) = delete;
  Cameras& operator=(const Cameras&) = delete;

  /// `check`: as Publication. Throws Error(kUsage | kAddressInUse), and as LogSet::open().
  std::unique_ptr<Publication> publish(const v1::PublishOpen& open, std::function<void()> check);

  /// Those that `wanted` says yes to, by name.
  std::vector<v1::CameraInfo> list(const std::function<bool(const std::string&)>& wanted) const;
  /// Those published here, for registering elsewhere.
  std::vector<v1::CameraInfo> own() const;
  std::optional<v1::CameraInfo> find(const std::string& name) const;
  /// Null for a camera that is not known.
  std::shared_ptr<const Traffic> traffic(const std::string& name) const;
  /// Whether the camera's untouched frames are in a log of this broker.
  bool is_here(const std::string& name) const;
  std::optional<Remote> remote_of(const std::string& name) const;

  /// What those who ask for the same quality share; made, with its source, for the first of them, who has frames up to
  /// `after`. A quality of the past is made for each. Throws Error(kNotFound).
  std::shared_ptr<Feed> feed(const std::string& name, const Quality& quality, const Place& after);
  /// The feed of a quality that somebody has already; null for none.
  std::shared_ptr<Feed> known_feed(const std::string& name, const Quality& quality) const;
  /// The feed's source makes another quality from now on. False when there is a feed of that quality already.
  bool change_quality(const std::string& name, const std::shared_ptr<Feed>& feed, const Quality& quality);

  /// A broker says what it has. Gives back the feeds of cameras whose numbers began anew: their frames are of the past,
  /// and who asks again gets another feed. Throws Error(kUsage | kExhausted).
  std::vector<Gone> register_broker(const v1::RegisterRequest& request, Duration lease);
  void unregister_broker(const std::string& broker);
  /// All that is registered now.
  std::vector<v1::RegisterRequest> registrations() const;
  /// Forgets the cameras of brokers whose lease has ended.
  std::vector<Gone> forget_gone(MonotonicTime now);

 private:
  struct Camera;
  void withdraw(const std::string& camera);
  using Kept = std::vector<std::shared_ptr<Feed>>;
  /// `kept` must outlive the lock: a feed that ends joins its source.
  void fill(const std::string& name, const Camera& camera, v1::CameraInfo& info, Kept& kept) const;

  const CamerasOptions options_;
  const MakeSource make_source_;
  framelog::LogSet logs_;
  mutable std::mutex mutex_;
  std::mutex making_;  // of feeds: one at a time, while mutex_ is free
  std::map<std::string, std::unique_ptr<Camera>> cameras_;
};

}  // namespace vedette::broker
