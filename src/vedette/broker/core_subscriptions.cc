// Core's subscriptions: who gets which feed.
#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/broker/core_state.h"
#include "vedette/net/token.h"

namespace vedette::broker {
namespace {

/// A feed without subscribers goes on for this long: who comes back finds it.
constexpr Duration kLinger = std::chrono::seconds(2);
constexpr uint32_t kMostBehind = 100'000;
/// Who may not see the past sees no more of it than this, however it resumes.
constexpr uint32_t kMostBehindLive = 8;

int64_t ns(Timestamp time) { return time.time_since_epoch().count(); }

}  // namespace

Subscription::Options Core::admitted(const net::Principal& who, const v1::SubscribeRequest& request,
                                     Quality& quality) const {
  check_camera_name(request.camera());
  const v1::CameraInfo info = camera(who, request.camera());  // or there is none
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
  options.may_share_memory = rights.history && rights.max_side_px == 0;
  if (request.max_behind() > 0) options.max_behind = std::min(request.max_behind(), kMostBehind);
  if (!rights.history) options.max_behind = std::min(options.max_behind, kMostBehindLive);
  if (request.after_sequence() > 0) {
    options.after = {request.after_sequence(), Timestamp{Duration{std::max<int64_t>(request.after_ns(), 0)}}};
    options.renumbered = request.after_epoch() != 0 && request.after_epoch() != info.epoch();
  }
  if (past && !(quality.original() && cameras_.is_here(request.camera()))) {
    quality.begin_ns = std::max(request.begin_ns(), ns(options.after.time));
    if (request.has_end_ns()) quality.end_ns = std::max(request.end_ns(), *quality.begin_ns);
  }
  return options;
}

std::shared_ptr<Subscription> Core::subscribe(const net::Principal& who, const v1::SubscribeRequest& request,
                                              std::function<void()> wake) {
  Quality quality = quality_of(request);
  auto options = admitted(who, request, quality);
  if (shutting_down_) throw Error(ErrorCode::kUnavailable, "the broker ends", "go to its standby");
  {
    const std::lock_guard lock(mutex_);
    if (subscriptions_.size() >= options_.max_subscriptions)
      throw Error(ErrorCode::kExhausted, "too many subscriptions");
  }
  const auto feed = cameras_.feed(request.camera(), quality, options.renumbered ? Place{} : options.after);
  const auto subscription = std::make_shared<Subscription>(std::move(options), feed, std::move(wake));
  if (request.wants_table() && table_ && quality.bounded() && cameras_.is_here(request.camera()))
    subscription->notify(table_);
  feed->add(subscription);
  Subscribed one{subscription, request, quality, 0};
  one.request.clear_session();
  one.request.set_after_epoch(feed->epoch());
  if (subscription->options().renumbered) one.request.set_after_sequence(0);
  const std::string& id = subscription->options().id;
  {
    const std::lock_guard lock(mutex_);
    subscriptions_[id] = std::move(one);
  }
  if (shutting_down_) subscription->finish(end_event(v1::End::BROKER_ENDS, "the broker ends"));
  tell_subscription(id);
  return subscription;
}

std::shared_ptr<Subscription> Core::subscription(const net::Principal& who, const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = subscriptions_.find(id);
  const bool any = who.may(net::Role::kAdmin) || who.role == net::Role::kNode;
  if (found == subscriptions_.end() || (!any && found->second.subscription->options().who.name != who.name))
    throw Error(ErrorCode::kNotFound, "there is no subscription '" + id.substr(0, 64) + "'");
  return found->second.subscription;
}

size_t Core::subscription_count() const {
  const std::lock_guard lock(mutex_);
  return subscriptions_.size();
}

void Core::join_live() {
  const std::lock_guard moving(moving_);
  std::vector<std::pair<std::shared_ptr<Subscription>, Quality>> readers;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, one] : subscriptions_)
      if (one.quality.begin_ns && one.subscription->may_join_live())
        readers.emplace_back(one.subscription, one.quality);
  }
  for (auto& [subscription, quality] : readers) {
    quality.begin_ns.reset();
    const auto old = subscription->feed();
    const auto live = cameras_.known_feed(subscription->options().camera, quality);
    if (!old || !live || live->ended() || live->epoch() != old->epoch()) continue;
    const auto oldest = live->log()->oldest();
    if (!oldest || oldest->sequence() > subscription->last_sequence() + 1) continue;  // it would miss some
    move(subscription, old, live, Duration::zero());
    const std::lock_guard lock(mutex_);
    const auto found = subscriptions_.find(subscription->options().id);
    if (found != subscriptions_.end()) found->second.quality = quality;
  }
}

void Core::move(const std::shared_ptr<Subscription>& subscription, const std::shared_ptr<Feed>& from,
                const std::shared_ptr<Feed>& to, Duration linger) {
  to->add(subscription);
  subscription->move_to(to);
  from->remove(*subscription);
  retire(from, linger);
  {
    const std::lock_guard lock(mutex_);
    if (subscriptions_.contains(subscription->options().id)) return;
  }
  to->remove(*subscription);  // it was dropped meanwhile
  retire(to, kLinger);
}

void Core::set_target(const std::shared_ptr<Subscription>& subscription, double latency_ms, double accuracy) {
  const std::lock_guard moving(moving_);
  const auto old = subscription->feed();
  const auto& options = subscription->options();
  v1::SubscribeRequest request;
  Quality quality;
  {
    const std::lock_guard lock(mutex_);
    const auto found = subscriptions_.find(options.id);
    if (!old || found == subscriptions_.end()) throw Error(ErrorCode::kNotFound, "the subscription has ended");
    request = found->second.request;
    quality = found->second.quality;
  }
  request.mutable_target()->set_latency_ms(latency_ms);
  request.mutable_target()->set_accuracy(accuracy);
  const Quality wanted = quality_of(request);
  const Quality before = quality;
  quality.latency_ms = wanted.latency_ms;
  quality.accuracy = wanted.accuracy;
  if (quality == before) return;
  const auto source = old->source();
  const bool alone = source && before.bounded() && quality.bounded() && old->subscribers() == 1;
  if (alone && cameras_.change_quality(options.camera, old, quality)) {
    source->set_quality(quality);
  } else {
    const Place place = subscription->place();
    if (quality.begin_ns) quality.begin_ns = std::max(*quality.begin_ns, ns(place.time));
    const auto feed = cameras_.feed(options.camera, quality, place);
    move(subscription, old, feed, kLinger);
  }
  {
    const std::lock_guard lock(mutex_);
    const auto found = subscriptions_.find(options.id);
    if (found == subscriptions_.end()) return;
    found->second.request = std::move(request);
    found->second.quality = quality;
  }
  tell_subscription(options.id);
}

void Core::feedback(const Subscription& subscription, const v1::FeedbackRequest& seen) {
  const auto feed = subscription.feed();
  const auto source = feed ? feed->source() : nullptr;
  if (!source) return;
  if (!seen.has_limit_bytes()) return source->feedback(seen);
  v1::FeedbackRequest named = seen;
  named.set_subscription(subscription.options().id);
  if (!subscription.options().who.may(net::Role::kNode)) named.clear_limit_bytes();
  source->feedback(named);
}

void Core::drop(const std::shared_ptr<Subscription>& subscription) {
  {
    const std::lock_guard lock(mutex_);
    subscriptions_.erase(subscription->options().id);
  }
  if (auto feed = subscription->release()) {
    feed->remove(*subscription);
    retire(std::move(feed), kLinger);
  }
  v1::Replica change;
  change.set_subscription_ended(subscription->options().id);
  listeners_.tell(change);
}

void Core::move_all(const std::shared_ptr<Feed>& from) {
  const Quality quality = from->quality();
  if (!quality.begin_ns) {
    try {
      const auto feed = cameras_.feed(from->log()->camera(), quality, {});
      for (const auto& subscription : from->subscriptions()) {
        feed->add(subscription);
        subscription->move_to(feed);
        from->remove(*subscription);
      }
    } catch (const Error& e) {
      log::warn("camera '{}': {}", from->log()->camera(), e.line());
    }
  }
  from->end(end_event(v1::End::CAMERA_GONE, "its broker began anew"));
  retire(from, Duration::zero());
}

void Core::retire(std::shared_ptr<Feed> feed, Duration linger) {
  const std::lock_guard lock(mutex_);
  retired_.emplace_back(Clock::system().monotonic() + linger, std::move(feed));
}

}  // namespace vedette::broker
