#include "vedette/broker/cameras.h"

#include <algorithm>
#include <random>

#include "broker.pb.h"
#include "vedette/base/error.h"
#include "vedette/base/log.h"

namespace vedette::broker {
namespace {

constexpr size_t kMostCameras = 4096;

MonotonicTime now() { return Clock::system().monotonic(); }

/// Numbers that begin anew get a name that no others had.
uint64_t new_epoch() {
  std::random_device random;
  return (uint64_t{random()} << 32 | random()) | 1;
}

}  // namespace

struct Cameras::Camera {
  std::shared_ptr<Feed> origin;  // null: it is another broker's
  std::shared_ptr<Traffic> traffic = std::make_shared<Traffic>();
  bool live = false;             // somebody publishes it here
  double rate = 0;
  std::optional<Remote> remote;
  v1::CameraInfo remote_info;
  std::map<Quality, std::weak_ptr<Feed>> feeds;

  std::vector<std::shared_ptr<Feed>> take_feeds() {
    std::vector<std::shared_ptr<Feed>> list;
    for (const auto& [quality, weak] : feeds)
      if (auto feed = weak.lock()) list.push_back(std::move(feed));
    feeds.clear();
    return list;
  }
};

Cameras::Cameras(CamerasOptions options, MakeSource make_source)
    : options_(std::move(options)), make_source_(std::move(make_source)), logs_(options_.logs) {
  // Their history is there before anybody publishes them again.
  for (const auto& name : logs_.stored()) {
    try {
      check_camera_name(name);
      auto camera = std::make_unique<Camera>();
      camera->origin = std::make_shared<Feed>(logs_.open(name), Quality{}, new_epoch(), camera->traffic);
      cameras_[name] = std::move(camera);
    } catch (const Error& e) {
      log::warn("what is stored of camera '{}' is not served: {}", name, e.line());
    }
  }
}

Cameras::~Cameras() = default;

std::unique_ptr<Publication> Cameras::publish(const v1::PublishOpen& open, std::function<void()> check) {
  check_camera_name(open.camera());
  if (!(open.frames_a_second() >= 0 && open.frames_a_second() <= 10'000))
    throw Error(ErrorCode::kUsage, "frames_a_second must be 0 to 10000");
  const auto log = logs_.open(open.camera());
  const std::lock_guard lock(mutex_);
  auto& camera = cameras_[open.camera()];
  if (!camera) camera = std::make_unique<Camera>();
  if (camera->live)
    throw Error(ErrorCode::kAddressInUse, "somebody else publishes camera '" + open.camera() + "'",
                "one publisher a camera at a time");
  if (camera->remote)
    throw Error(ErrorCode::kAddressInUse,
                "camera '" + open.camera() + "' belongs to broker '" + camera->remote->broker + "'");
  if (!camera->origin) camera->origin = std::make_shared<Feed>(log, Quality{}, new_epoch(), camera->traffic);
  camera->live = true;
  camera->rate = open.frames_a_second();
  return std::make_unique<Publication>(open.camera(), camera->origin, std::move(check),
                                       [this, name = open.camera()] { withdraw(name); });
}

void Cameras::withdraw(const std::string& camera) {
  const std::lock_guard lock(mutex_);
  if (const auto found = cameras_.find(camera); found != cameras_.end()) found->second->live = false;
}

void Cameras::fill(const std::string& name, const Camera& camera, v1::CameraInfo& info, Kept& kept) const {
  if (camera.remote) info = camera.remote_info;
  info.set_camera(name);
  size_t subscribers = camera.origin ? camera.origin->subscribers() : 0;
  for (const auto& [quality, weak] : camera.feeds) {
    const auto feed = weak.lock();
    if (!feed) continue;
    subscribers += feed->subscribers();
    if (const auto source = feed->source(); source && camera.remote)
      if (const auto clock = source->clock(); clock.known()) *info.mutable_clock() = clock;
    kept.push_back(feed);
  }
  info.set_subscribers(static_cast<uint32_t>(subscribers));
  if (!camera.origin) return;
  info.set_broker(options_.broker);
  info.set_live(camera.live);
  info.set_epoch(camera.origin->epoch());
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
  }
  auto oldest = stats.oldest;
  if (const auto store = logs_.store(name)) {
    // From what is known of the files: a look at the frame itself would read a segment.
    const auto files = store->archive()->segments();
    if (!files.empty()) oldest = framelog::from_micros(files.front().range.first_time_us);
    info.set_stored_before(store->persisted_up_to());
    if (const auto state = store->stats(); state.trouble) info.set_store_trouble(*state.trouble);
  }
  if (oldest) info.set_oldest_ns(oldest->time_since_epoch().count());
  if (rate == 0 && stats.frames > 1 && *stats.newest > *stats.oldest)
    rate = static_cast<double>(stats.frames - 1) / to_seconds(*stats.newest - *stats.oldest);
  info.set_frames_a_second(rate);
}

std::vector<v1::CameraInfo> Cameras::list(const std::function<bool(const std::string&)>& wanted) const {
  std::vector<v1::CameraInfo> list;
  Kept kept;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, camera] : cameras_)
    if (wanted(name)) fill(name, *camera, list.emplace_back(), kept);
  return list;
}

std::vector<v1::CameraInfo> Cameras::own() const {
  std::vector<v1::CameraInfo> list;
  Kept kept;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, camera] : cameras_)
    if (camera->origin) fill(name, *camera, list.emplace_back(), kept);
  return list;
}

std::optional<v1::CameraInfo> Cameras::find(const std::string& name) const {
  Kept kept;
  const std::lock_guard lock(mutex_);
  const auto found = cameras_.find(name);
  if (found == cameras_.end()) return std::nullopt;
  v1::CameraInfo info;
  fill(name, *found->second, info, kept);
  return info;
}

std::shared_ptr<const Traffic> Cameras::traffic(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = cameras_.find(name);
  return found == cameras_.end() ? nullptr : found->second->traffic;
}

bool Cameras::is_here(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = cameras_.find(name);
  return found != cameras_.end() && found->second->origin;
}

std::optional<Cameras::Remote> Cameras::remote_of(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = cameras_.find(name);
  return found == cameras_.end() ? std::nullopt : found->second->remote;
}

std::shared_ptr<Feed> Cameras::feed(const std::string& name, const Quality& quality, const Place& after) {
  const std::lock_guard making(making_);
  std::shared_ptr<Feed> origin, before;
  std::shared_ptr<Traffic> traffic;
  uint64_t epoch = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = cameras_.find(name);
    if (found == cameras_.end()) throw Error(ErrorCode::kNotFound, "camera '" + name + "' is gone");
    Camera& camera = *found->second;
    if (camera.origin && quality.original()) return camera.origin;
    if (const auto known = camera.feeds.find(quality); known != camera.feeds.end() && !quality.begin_ns) {
      before = known->second.lock();
      if (before && !before->ended()) return before;
    }
    origin = camera.origin;
    traffic = camera.traffic;
    epoch = origin ? origin->epoch() : camera.remote_info.epoch();
  }
  framelog::LogOptions options;
  options.camera = name;
  options.capacity_bytes = options_.feed_bytes;
  options.segment_bytes = std::min(options_.logs.log.segment_bytes, options_.feed_bytes / 4);
  options.shared = options_.logs.log.shared;
  auto feed = std::make_shared<Feed>(framelog::Log::make(std::move(options)), quality, epoch, traffic);
  feed->set_source(make_source_({name, quality, *feed, origin, after}));
  const std::lock_guard lock(mutex_);
  const auto found = cameras_.find(name);
  if (found == cameras_.end()) throw Error(ErrorCode::kNotFound, "camera '" + name + "' is gone");
  auto& feeds = found->second->feeds;
  std::erase_if(feeds, [](const auto& entry) { return entry.second.expired(); });
  feeds[quality] = feed;
  return feed;
}

std::shared_ptr<Feed> Cameras::known_feed(const std::string& name, const Quality& quality) const {
  const std::lock_guard lock(mutex_);
  const auto found = cameras_.find(name);
  if (found == cameras_.end()) return nullptr;
  const auto known = found->second->feeds.find(quality);
  return known == found->second->feeds.end() ? nullptr : known->second.lock();
}

bool Cameras::change_quality(const std::string& name, const std::shared_ptr<Feed>& feed, const Quality& quality) {
  const std::lock_guard lock(mutex_);
  const auto found = cameras_.find(name);
  if (found == cameras_.end()) return false;
  auto& feeds = found->second->feeds;
  if (const auto other = feeds.find(quality); other != feeds.end() && !other->second.expired()) return false;
  std::erase_if(
      feeds, [&](const auto& entry) { return !entry.second.owner_before(feed) && !feed.owner_before(entry.second); });
  feeds[quality] = feed;
  feed->set_quality(quality);
  return true;
}

std::vector<Cameras::Gone> Cameras::register_broker(const v1::RegisterRequest& request, Duration lease) {
  if (request.broker().empty() || request.broker().size() > 128 || request.address().size() > 256)
    throw Error(ErrorCode::kUsage, "a broker registers with its name and address");
  if (!request.channel().empty() && !is_name(request.channel()))
    throw Error(ErrorCode::kUsage, "a channel's name has 1 to 128 letters, digits, '.', '_', '-' or '/'");
  const std::string& channel = request.channel().empty() ? request.broker() : request.channel();
  for (const auto& info : request.cameras()) check_camera_name(info.camera());
  std::vector<Gone> renumbered;
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
    const bool anew = camera->remote && camera->remote_info.epoch() != info.epoch();
    camera->remote = Remote{request.broker(), request.address(), channel, now() + lease};
    // What it says of its clock itself is against its own; a primary's word is no measurement of ours.
    const v1::ClockOffset clock = request.clock().known() ? request.clock() : camera->remote_info.clock();
    camera->remote_info = info;
    *camera->remote_info.mutable_clock() = clock;
    camera->remote_info.set_broker(request.broker());
    camera->origin = nullptr;
    if (anew) renumbered.push_back({info.camera(), request.broker(), camera->take_feeds()});
  }
  return renumbered;
}

void Cameras::unregister_broker(const std::string& broker) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, camera] : cameras_)
    if (camera->remote && camera->remote->broker == broker) camera->remote->until = now();
}

std::vector<v1::RegisterRequest> Cameras::registrations() const {
  std::map<std::string, v1::RegisterRequest> brokers;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, camera] : cameras_) {
      if (!camera->remote) continue;
      auto& registered = brokers[camera->remote->broker];
      registered.set_broker(camera->remote->broker);
      registered.set_address(camera->remote->address);
      if (camera->remote->channel != camera->remote->broker) registered.set_channel(camera->remote->channel);
      *registered.add_cameras() = camera->remote_info;
    }
  }
  std::vector<v1::RegisterRequest> list;
  for (auto& [name, registered] : brokers) list.push_back(std::move(registered));
  return list;
}

std::vector<Cameras::Gone> Cameras::forget_gone(MonotonicTime now) {
  std::vector<Gone> gone;
  const std::lock_guard lock(mutex_);
  std::erase_if(cameras_, [&](auto& entry) {
    Camera& camera = *entry.second;
    if (!camera.remote || camera.remote->until > now) return false;
    gone.push_back({entry.first, camera.remote->broker, camera.take_feeds()});
    return true;
  });
  return gone;
}

}  // namespace vedette::broker
