#include "vedette/broker/core.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/nearest.h"
#include "vedette/base/thread.h"
#include "vedette/broker/frame_bytes.h"
#include "vedette/media/jpeg.h"
#include "vedette/net/message.h"

namespace vedette::broker {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(100);
/// A feed without subscribers goes on for this long: who comes back finds it.
constexpr Duration kLinger = std::chrono::seconds(2);
constexpr Duration kSessionLife = std::chrono::hours(1);
constexpr size_t kMostCameras = 4096;

MonotonicTime now() { return Clock::system().monotonic(); }

}  // namespace

struct Core::Camera {
  std::shared_ptr<Feed> origin;  // null: it is another broker's
  bool live = false;             // somebody publishes it here
  double rate = 0;
  std::optional<Remote> remote;
  v1::CameraInfo remote_info;
  std::map<Quality, std::weak_ptr<Feed>> feeds;
};

struct Core::Session {
  net::Principal who;
  MonotonicTime used{};
  bool adopted = false;  // from a primary: its token was not seen yet
};

void check_camera_name(const std::string& name) {
  const bool fits = !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
           c == '-' || c == '/';
  });
  if (!fits) throw Error(ErrorCode::kUsage, "a camera's name has 1 to 128 letters, digits, '.', '_', '-' or '/'");
}

Publication::Publication(Core& core, std::string camera, std::shared_ptr<Feed> feed)
    : core_(core), camera_(std::move(camera)), feed_(std::move(feed)) {}

Publication::~Publication() { core_.withdraw(camera_); }

std::span<std::byte> Publication::reserve(size_t bytes) {
  room_ = {};
  room_ = feed_->reserve(bytes);
  return room_;
}

void Publication::commit(framelog::RecordInfo info, size_t bytes) {
  VEDETTE_ASSERT(bytes <= room_.size());
  check_frame_bytes(info, room_.first(bytes));
  if (info.codec == framelog::FrameCodec::kJpeg && info.width == 0) {
    const auto [width, height] = media::jpeg_size({reinterpret_cast<const uint8_t*>(room_.data()), bytes});
    info.width = static_cast<uint16_t>(width);
    info.height = static_cast<uint16_t>(height);
  }
  feed_->commit(info, bytes);
  ++frames_;
  bytes_ += bytes;
}

Core::Core(CoreOptions options, MakeSource make_source)
    : options_(std::move(options)), make_source_(std::move(make_source)), logs_(options_.logs) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Core::~Core() {
  shut_down();
  thread_.request_stop();
  wake_.notify_all();
  thread_.join();
  subscriptions_.clear();
  retired_.clear();
}

net::Principal Core::admit(std::string_view authorization) const {
  if (!options_.authority) return {"local", net::Role::kAdmin, "", "", Timestamp::max()};
  static constexpr std::string_view kScheme = "Bearer ";
  if (!authorization.starts_with(kScheme))
    throw net::HttpError(401, ErrorCode::kPermissionDenied, "a token is needed",
                         "send the metadata authorization: Bearer; vedette token create makes one");
  try {
    return options_.authority->verify(authorization.substr(kScheme.size()));
  } catch (const Error& e) {
    throw net::HttpError(401, e.code(), e.what(), e.hint());
  }
}

bool Core::still_valid(const net::Principal& who) const {
  return !options_.authority || options_.authority->still_valid(who);
}

std::string Core::begin_session(const net::Principal& who, const std::string& resume, bool& resumed) {
  v1::Replica change;
  std::string id;
  {
    const std::lock_guard lock(mutex_);
    if (shutting_down_) throw Error(ErrorCode::kUnavailable, "the broker ends", "go to its standby");
    const auto known = resume.empty() ? sessions_.end() : sessions_.find(resume);
    resumed = known != sessions_.end() && known->second.who.name == who.name;
    if (resumed) {
      known->second = {who, now(), false};
      return resume;
    }
    if (sessions_.size() >= options_.max_sessions) throw Error(ErrorCode::kExhausted, "too many sessions");
    id = net::random_token_id() + net::random_token_id();
    sessions_[id] = {who, now(), false};
  }
  change.mutable_session()->set_session(id);
  change.mutable_session()->set_name(who.name);
  tell(change);
  return id;
}

net::Principal Core::session_owner(const std::string& session) const {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(session);
  if (found == sessions_.end() || found->second.adopted)
    throw net::HttpError(401, ErrorCode::kPermissionDenied, "an unknown session", "call Connect first");
  return found->second.who;
}

void Core::end_session(const std::string& session) {
  {
    const std::lock_guard lock(mutex_);
    if (sessions_.erase(session) == 0) return;
  }
  v1::Replica change;
  change.set_session_ended(session);
  tell(change);
}

void Core::adopt_session(const v1::SessionState& state) {
  const std::lock_guard lock(mutex_);
  if (sessions_.size() >= options_.max_sessions) return;
  Session session;
  session.who.name = state.name();
  session.used = now();
  session.adopted = true;
  sessions_.try_emplace(state.session(), session);
}

std::unique_ptr<Publication> Core::publish(const net::Principal& who, const v1::PublishOpen& open) {
  check_camera_name(open.camera());
  options_.access.check_publish(who, open.camera());
  if (!(open.frames_a_second() >= 0 && open.frames_a_second() <= 10'000))
    throw Error(ErrorCode::kUsage, "frames_a_second must be 0 to 10000");
  const auto log = logs_.open(open.camera());
  const std::lock_guard lock(mutex_);
  if (shutting_down_) throw Error(ErrorCode::kUnavailable, "the broker ends", "go to its standby");
  auto& camera = cameras_[open.camera()];
  if (!camera) camera = std::make_unique<Camera>();
  if (camera->live)
    throw Error(ErrorCode::kAddressInUse, "somebody else publishes camera '" + open.camera() + "'",
                "one publisher a camera at a time");
  if (camera->remote)
    throw Error(ErrorCode::kAddressInUse,
                "camera '" + open.camera() + "' belongs to broker '" + camera->remote->broker + "'");
  if (!camera->origin) camera->origin = std::make_shared<Feed>(log);
  camera->live = true;
  camera->rate = open.frames_a_second();
  return std::unique_ptr<Publication>(new Publication(*this, open.camera(), camera->origin));
}

void Core::withdraw(const std::string& camera) {
  const std::lock_guard lock(mutex_);
  if (const auto found = cameras_.find(camera); found != cameras_.end()) found->second->live = false;
}

void Core::fill_info(const std::string& name, const Camera& camera, v1::CameraInfo& info) const {
  if (camera.remote) info = camera.remote_info;
  info.set_camera(name);
  size_t subscribers = camera.origin ? camera.origin->subscribers() : 0;
  for (const auto& [quality, weak] : camera.feeds) {
    const auto feed = weak.lock();
    if (!feed) continue;
    if (feed != camera.origin) subscribers += feed->subscribers();
    if (const auto source = feed->source(); source && camera.remote)
      if (const auto clock = source->clock(); clock.known()) *info.mutable_clock() = clock;
  }
  info.set_subscribers(static_cast<uint32_t>(subscribers));
  if (!camera.origin) return;
  info.set_broker(options_.name);
  info.set_live(camera.live);
  info.mutable_clock()->set_known(true);  // the same machine
  const auto& log = *camera.origin->log();
  const auto stats = log.stats();
  info.set_frames(stats.frames);
  info.set_bytes(stats.bytes);
  double rate = camera.rate;
  if (const auto newest = log.newest()) {
    const auto about = newest->info();
    info.set_width(about.width);
    info.set_height(about.height);
    info.set_encoding(static_cast<v1::Encoding>(static_cast<int>(about.codec) + 1));
    info.set_newest_ns(about.time.time_since_epoch().count());
    if (const auto oldest = log.oldest()) {
      info.set_oldest_ns(oldest->time().time_since_epoch().count());
      const double seconds = to_seconds(about.time - oldest->time());
      if (rate == 0 && seconds > 0) rate = static_cast<double>(newest->sequence() - oldest->sequence()) / seconds;
    }
  }
  info.set_frames_a_second(rate);
}

std::vector<v1::CameraInfo> Core::cameras(const net::Principal& who, const std::string& glob) const {
  std::vector<v1::CameraInfo> list;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, camera] : cameras_) {
    if (!glob.empty() && !glob_matches(glob, name)) continue;
    if (options_.access.rights(who, name).any()) fill_info(name, *camera, list.emplace_back());
  }
  return list;
}

std::vector<v1::CameraInfo> Core::own_cameras() const {
  std::vector<v1::CameraInfo> list;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, camera] : cameras_)
    if (camera->origin) fill_info(name, *camera, list.emplace_back());
  return list;
}

v1::CameraInfo Core::camera(const net::Principal& who, const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = cameras_.find(name);
  if (found == cameras_.end() || !options_.access.rights(who, name).any()) {
    std::vector<std::string> known;
    for (const auto& [other, camera] : cameras_)
      if (options_.access.rights(who, other).any()) known.push_back(other);
    throw Error(ErrorCode::kNotFound, "there is no camera '" + name.substr(0, 128) + "'",
                known.empty() ? "nobody has published one yet" : did_you_mean(name, known));
  }
  v1::CameraInfo info;
  fill_info(name, *found->second, info);
  return info;
}

std::shared_ptr<Feed> Core::feed_for(const std::string& name, const Quality& quality) {
  const std::lock_guard making(making_);
  std::shared_ptr<Feed> origin;
  {
    const std::lock_guard lock(mutex_);
    const auto found = cameras_.find(name);
    if (found == cameras_.end()) throw Error(ErrorCode::kNotFound, "camera '" + name + "' is gone");
    Camera& camera = *found->second;
    if (camera.origin && quality.original()) return camera.origin;
    if (!quality.begin_ns)
      if (auto feed = camera.feeds[quality].lock(); feed && !feed->ended()) return feed;
    origin = camera.origin;
  }
  framelog::LogOptions options;
  options.camera = name;
  options.capacity_bytes = options_.feed_bytes;
  options.segment_bytes = std::min(options_.logs.log.segment_bytes, options_.feed_bytes / 4);
  options.shared = options_.logs.log.shared;
  auto feed = std::make_shared<Feed>(framelog::Log::make(std::move(options)));
  feed->set_source(make_source_(name, quality, *feed, origin));
  const std::lock_guard lock(mutex_);
  auto& feeds = cameras_.at(name)->feeds;
  std::erase_if(feeds, [](const auto& entry) { return entry.second.expired(); });
  feeds[quality] = feed;
  return feed;
}

std::shared_ptr<Subscription> Core::subscribe(const net::Principal& who, const v1::SubscribeRequest& request,
                                              std::function<void()> wake) {
  Quality quality = quality_of(request);
  check_camera_name(request.camera());
  static_cast<void>(camera(who, request.camera()));  // whether there is one
  const Timestamp wall = Clock::system().now();
  Subscription::Options options;
  if (request.has_begin_ns()) options.begin = Timestamp{Duration{request.begin_ns()}};
  if (request.has_end_ns()) options.end = Timestamp{Duration{request.end_ns()}};
  if (!options.begin && options.end && *options.end <= wall)
    throw Error(ErrorCode::kUsage, "the end lies before the beginning", "give begin for frames of the past");
  const bool past = options.begin && *options.begin < wall;
  options_.access.check_subscribe(who, request.camera(), past, request.max_side_px());
  if (past && (!options.end || *options.end > wall))  // it goes on into the present
    options_.access.check_subscribe(who, request.camera(), false, request.max_side_px());
  const Rights rights = options_.access.rights(who, request.camera());
  options.id = net::random_token_id();
  options.camera = request.camera();
  options.who = who;
  options.after_sequence = request.after_sequence();
  options.may_share_memory = rights.history && rights.max_side_px == 0;
  if (request.max_behind() > 0) options.max_behind = std::min<uint32_t>(request.max_behind(), 100'000);
  {
    const std::lock_guard lock(mutex_);
    if (shutting_down_) throw Error(ErrorCode::kUnavailable, "the broker ends", "go to its standby");
    if (subscriptions_.size() >= options_.max_subscriptions)
      throw Error(ErrorCode::kExhausted, "too many subscriptions");
    const auto found = cameras_.find(request.camera());
    if (past && found != cameras_.end() && !(found->second->origin && quality.original())) {
      quality.begin_ns = request.begin_ns();
      if (request.has_end_ns()) quality.end_ns = request.end_ns();
    }
  }
  auto feed = feed_for(request.camera(), quality);
  auto subscription = std::make_shared<Subscription>(std::move(options), feed, std::move(wake));
  feed->add(subscription);
  {
    const std::lock_guard lock(mutex_);
    subscriptions_[subscription->options().id] = subscription;
  }
  return subscription;
}

std::shared_ptr<Subscription> Core::subscription(const net::Principal& who, const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = subscriptions_.find(id);
  const bool any = who.may(net::Role::kAdmin) || who.role == net::Role::kNode;
  if (found == subscriptions_.end() || (!any && found->second->options().who.name != who.name))
    throw Error(ErrorCode::kNotFound, "there is no subscription '" + id.substr(0, 64) + "'");
  return found->second;
}

void Core::set_target(const std::shared_ptr<Subscription>& subscription, double latency_ms, double accuracy) {
  const auto old = subscription->feed();
  if (!old) throw Error(ErrorCode::kNotFound, "the subscription has ended");
  Quality quality;
  {
    const std::lock_guard lock(mutex_);
    const auto found = cameras_.find(subscription->options().camera);
    if (found != cameras_.end())
      for (const auto& [known, feed] : found->second->feeds)
        if (feed.lock() == old) quality = known;
  }
  v1::SubscribeRequest wanted;
  wanted.mutable_target()->set_latency_ms(latency_ms);
  wanted.mutable_target()->set_accuracy(accuracy);
  wanted.set_compute_ms(quality.compute_ms);
  const Quality checked = quality_of(wanted);
  const Quality before = quality;
  quality.latency_ms = checked.latency_ms;
  quality.accuracy = checked.accuracy;
  if (quality == before) return;
  const auto source = old->source();
  if (source && before.bounded() && quality.bounded() && old->subscribers() == 1) {
    source->set_quality(quality);
    const std::lock_guard lock(mutex_);
    auto& feeds = cameras_.at(subscription->options().camera)->feeds;
    feeds.erase(before);
    feeds[quality] = old;
    return;
  }
  const auto feed = feed_for(subscription->options().camera, quality);
  feed->add(subscription);
  subscription->move_to(feed);
  old->remove(*subscription);
  retire(old);
}

void Core::feedback(const Subscription& subscription, const v1::FeedbackRequest& seen) {
  const auto feed = subscription.feed();
  if (const auto source = feed ? feed->source() : nullptr) source->feedback(seen);
}

void Core::drop(const std::shared_ptr<Subscription>& subscription) {
  {
    const std::lock_guard lock(mutex_);
    subscriptions_.erase(subscription->options().id);
  }
  if (auto feed = subscription->release()) {
    feed->remove(*subscription);
    retire(std::move(feed));
  }
}

void Core::retire(std::shared_ptr<Feed> feed) {
  const std::lock_guard lock(mutex_);
  retired_.emplace_back(now() + kLinger, std::move(feed));
}

void Core::register_broker(const v1::RegisterRequest& request, Duration lease) {
  if (request.broker().empty() || request.broker().size() > 128 || request.address().size() > 256)
    throw Error(ErrorCode::kUsage, "a broker registers with its name and address");
  for (const auto& info : request.cameras()) check_camera_name(info.camera());
  std::vector<std::shared_ptr<Feed>> gone;
  {
    const std::lock_guard lock(mutex_);
    if (cameras_.size() + static_cast<size_t>(request.cameras_size()) > kMostCameras)
      throw Error(ErrorCode::kExhausted, "too many cameras");
    for (const auto& info : request.cameras()) {
      auto& camera = cameras_[info.camera()];
      if (!camera) camera = std::make_unique<Camera>();
      if (camera->origin && camera->live) continue;  // published here: the name is taken
      if (camera->remote && camera->remote->broker != request.broker() && camera->remote->until > now()) continue;
      if (!camera->remote)
        log::info("camera '{}' is at broker '{}' ({})", info.camera(), request.broker(), request.address());
      camera->remote = Remote{request.broker(), request.address(), now() + lease};
      camera->remote_info = info;
      camera->origin = nullptr;
    }
    if (request.complete())
      for (auto& [name, camera] : cameras_) {
        const bool named = std::any_of(request.cameras().begin(), request.cameras().end(),
                                       [&n = name](const auto& info) { return info.camera() == n; });
        if (camera->remote && camera->remote->broker == request.broker() && !named) camera->remote->until = now();
      }
  }
  v1::Replica change;
  *change.mutable_registered() = request;
  tell(change);
}

void Core::unregister_broker(const std::string& broker) {
  {
    const std::lock_guard lock(mutex_);
    for (auto& [name, camera] : cameras_)
      if (camera->remote && camera->remote->broker == broker) camera->remote->until = now();
  }
  wake_.notify_all();
  v1::Replica change;
  change.mutable_unregistered()->set_broker(broker);
  tell(change);
}

std::optional<Core::Remote> Core::remote_of(const std::string& camera) const {
  const std::lock_guard lock(mutex_);
  const auto found = cameras_.find(camera);
  return found == cameras_.end() ? std::nullopt : found->second->remote;
}

uint64_t Core::listen(std::function<void(const v1::Replica&)> listener) {
  const std::lock_guard lock(mutex_);
  std::map<std::string, v1::Replica> brokers;
  for (const auto& [name, camera] : cameras_) {
    if (!camera->remote) continue;
    auto& registered = *brokers[camera->remote->broker].mutable_registered();
    registered.set_broker(camera->remote->broker);
    registered.set_address(camera->remote->address);
    *registered.add_cameras() = camera->remote_info;
  }
  for (const auto& [name, change] : brokers) listener(change);
  for (const auto& [id, session] : sessions_) {
    v1::Replica change;
    change.mutable_session()->set_session(id);
    change.mutable_session()->set_name(session.who.name);
    listener(change);
  }
  v1::Replica all;
  all.mutable_all_sent();
  listener(all);
  listeners_[++last_listener_] = std::move(listener);
  return last_listener_;
}

void Core::unlisten(uint64_t listener) {
  const std::lock_guard lock(mutex_);
  listeners_.erase(listener);
}

void Core::tell(const v1::Replica& change) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [number, listener] : listeners_) listener(change);
}

void Core::shut_down() {
  std::vector<std::shared_ptr<Subscription>> all;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(shutting_down_, true)) return;
    for (const auto& [id, subscription] : subscriptions_) all.push_back(subscription);
  }
  for (const auto& subscription : all) subscription->finish(end_event(v1::End::BROKER_ENDS, "the broker ends"));
}

bool Core::shutting_down() const {
  const std::lock_guard lock(mutex_);
  return shutting_down_;
}

void Core::tick() {
  const MonotonicTime at = now();
  const Timestamp wall = Clock::system().now();
  std::vector<std::shared_ptr<Subscription>> all;
  std::vector<std::shared_ptr<Feed>> free, ended;
  std::vector<std::string> brokers;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, subscription] : subscriptions_) all.push_back(subscription);
    std::erase_if(retired_, [&](auto& entry) {
      if (entry.first > at) return false;
      free.push_back(std::move(entry.second));
      return true;
    });
    for (auto at_camera = cameras_.begin(); at_camera != cameras_.end();) {
      Camera& camera = *at_camera->second;
      if (!camera.remote || camera.remote->until > at) {
        ++at_camera;
        continue;
      }
      log::warn("camera '{}' of broker '{}' is gone", at_camera->first, camera.remote->broker);
      for (const auto& [quality, weak] : camera.feeds)
        if (auto feed = weak.lock()) ended.push_back(std::move(feed));
      at_camera = cameras_.erase(at_camera);
    }
    std::erase_if(sessions_, [&](const auto& entry) {
      const bool used = std::any_of(subscriptions_.begin(), subscriptions_.end(), [&](const auto& s) {
        return s.second->options().who.name == entry.second.who.name;
      });
      return !used && at - entry.second.used > kSessionLife;
    });
  }
  for (const auto& feed : ended) feed->end(end_event(v1::End::CAMERA_GONE, "its broker does not answer any more"));
  for (const auto& subscription : all) {
    if (!still_valid(subscription->options().who))
      subscription->finish(end_event(v1::End::TOKEN_ENDED, "the token has ended"));
    subscription->check_end(wall);
  }
}

void Core::run(const std::stop_token& stop) {
  name_this_thread("broker");
  std::mutex waiting;
  while (!stop.stop_requested()) {
    try {
      tick();
    } catch (const std::exception& e) {
      log::error("broker: {}", e.what());
    }
    std::unique_lock lock(waiting);
    wake_.wait_for(lock, stop, kTick, [] { return false; });
  }
}

}  // namespace vedette::broker
