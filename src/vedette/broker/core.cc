#include "vedette/broker/core.h"

#include <algorithm>
#include <set>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/nearest.h"
#include "vedette/base/thread.h"
#include "vedette/broker/core_state.h"
#include "vedette/broker/knob_rows.h"
#include "vedette/net/message.h"

namespace vedette::broker {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(100);

std::shared_ptr<const v1::Event> table_event(const framelog::KnobTable* table) {
  if (!table) return nullptr;
  auto event = std::make_shared<v1::Event>();
  *event->mutable_table() = message_of(*table);
  return event;
}

}  // namespace

Core::Core(CoreOptions options, Cameras::MakeSource make_source)
    : options_(std::move(options)),
      table_(table_event(options_.table.get())),
      cameras_({options_.name, options_.logs, options_.feed_bytes}, std::move(make_source)),
      sessions_(options_.max_sessions) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Core::~Core() {
  shut_down();
  thread_.request_stop();
  wake_.notify_all();
  thread_.join();
  // Whoever did not drop its subscription keeps feed and subscription alive through each other.
  for (const auto& [id, one] : subscriptions_)
    if (const auto feed = one.subscription->release()) feed->remove(*one.subscription);
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
  if (shutting_down_) throw Error(ErrorCode::kUnavailable, "the broker ends", "go to its standby");
  const std::string id = sessions_.begin(who, resume, resumed);
  if (resumed) return id;
  v1::Replica change;
  change.mutable_session()->set_session(id);
  change.mutable_session()->set_name(who.name);
  listeners_.tell(change);
  return id;
}

void Core::end_session(const std::string& session) {
  if (!sessions_.end(session)) return;
  v1::Replica change;
  change.set_session_ended(session);
  listeners_.tell(change);
}

std::unique_ptr<Publication> Core::publish(const net::Principal& who, const v1::PublishOpen& open) {
  check_camera_name(open.camera());
  options_.access.check_publish(who, open.camera());
  if (shutting_down_) throw Error(ErrorCode::kUnavailable, "the broker ends", "go to its standby");
  return cameras_.publish(open, [this, who] {
    if (!still_valid(who)) throw Error(ErrorCode::kPermissionDenied, "the token has ended");
  });
}

std::vector<v1::CameraInfo> Core::cameras(const net::Principal& who, const std::string& glob) const {
  return cameras_.list([&](const std::string& name) {
    return (glob.empty() || glob_matches(glob, name)) && options_.access.rights(who, name).any();
  });
}

std::vector<v1::CameraInfo> Core::own_cameras() const { return cameras_.own(); }

v1::CameraInfo Core::camera(const net::Principal& who, const std::string& name) const {
  if (options_.access.rights(who, name).any())
    if (auto info = cameras_.find(name)) return std::move(*info);
  std::vector<std::string> known;
  for (const auto& info : cameras(who, {})) known.push_back(info.camera());
  throw Error(ErrorCode::kNotFound, "there is no camera '" + name.substr(0, 128) + "'",
              known.empty() ? "nobody has published one yet" : did_you_mean(name, known));
}

void Core::register_broker(const v1::RegisterRequest& request, Duration lease) {
  for (const auto& anew : cameras_.register_broker(request, lease)) {
    log::info("camera '{}': the numbers of its frames began anew", anew.camera);
    for (const auto& feed : anew.feeds) move_all(feed);
  }
  v1::Replica change;
  *change.mutable_registered() = request;
  change.mutable_registered()->clear_clock();
  listeners_.tell(change);
}

void Core::unregister_broker(const std::string& broker) {
  cameras_.unregister_broker(broker);
  wake_.notify_all();
  v1::Replica change;
  change.mutable_unregistered()->set_broker(broker);
  listeners_.tell(change);
}

void Core::shut_down() {
  if (shutting_down_.exchange(true)) return;
  std::vector<std::shared_ptr<Subscription>> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, one] : subscriptions_) all.push_back(one.subscription);
  }
  for (const auto& subscription : all) subscription->finish(end_event(v1::End::BROKER_ENDS, "the broker ends"));
}

void Core::tick() {
  const MonotonicTime at = Clock::system().monotonic();
  const Timestamp wall = Clock::system().now();
  std::vector<std::shared_ptr<Feed>> free;  // joins their sources at the very end, without locks
  std::vector<std::shared_ptr<Subscription>> all;
  std::set<std::string> names;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, one] : subscriptions_) {
      all.push_back(one.subscription);
      names.insert(one.subscription->options().who.name);
    }
    std::erase_if(retired_, [&](auto& entry) {
      if (entry.first > at) return false;
      free.push_back(std::move(entry.second));
      return true;
    });
  }
  for (const auto& gone : cameras_.forget_gone(at)) {
    log::warn("camera '{}' of broker '{}' is gone", gone.camera, gone.broker);
    for (const auto& feed : gone.feeds) {
      feed->end(end_event(v1::End::CAMERA_GONE, "its broker does not answer any more"));
      free.push_back(feed);
    }
  }
  join_live();
  sessions_.forget_old([&](const std::string& name) { return names.contains(name); });
  for (const auto& subscription : all) {
    if (!still_valid(subscription->options().who))
      subscription->finish(end_event(v1::End::TOKEN_ENDED, "the token has ended"));
    subscription->check_end(wall);
  }
  tell_places();
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
