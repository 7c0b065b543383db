// Core's replication: what a primary tells of its state, and what a standby makes of it.
#include <map>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/broker/core_state.h"

namespace vedette::broker {
namespace {

/// Frames are fetched for so long for subscribers of a lost primary that did not come yet.
constexpr Duration kTakeOver = std::chrono::seconds(10);

}  // namespace

uint64_t Core::listen(ReplicaListeners::Listener listener) {
  return listeners_.add(std::move(listener), [&](const ReplicaListeners::Listener& tell) {
    for (auto& registered : cameras_.registrations()) {
      v1::Replica change;
      *change.mutable_registered() = std::move(registered);
      tell(change);
    }
    for (auto& session : sessions_.all()) {
      v1::Replica change;
      *change.mutable_session() = std::move(session);
      tell(change);
    }
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [id, one] : subscriptions_) {
        v1::Replica change;
        change.mutable_subscription()->set_subscription(id);
        *change.mutable_subscription()->mutable_request() = one.request;
        tell(change);
      }
    }
    v1::Replica all;
    all.mutable_all_sent();
    tell(all);
  });
}

void Core::tell_subscription(const std::string& id) const {
  if (listeners_.empty()) return;
  v1::Replica change;
  {
    const std::lock_guard lock(mutex_);
    const auto found = subscriptions_.find(id);
    if (found == subscriptions_.end()) return;
    change.mutable_subscription()->set_subscription(id);
    *change.mutable_subscription()->mutable_request() = found->second.request;
  }
  listeners_.tell(change);
}

void Core::tell_places() {
  if (listeners_.empty()) return;
  v1::Replica change;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, one] : subscriptions_) {
      const Place place = one.subscription->place();
      if (place.sequence == one.told) continue;
      one.told = place.sequence;
      auto& told = *change.mutable_places()->add_places();
      told.set_subscription(id);
      told.set_sequence(place.sequence);
      told.set_capture_ns(place.time.time_since_epoch().count());
    }
  }
  if (change.has_places()) listeners_.tell(change);
}

void Core::adopt(const v1::Replica& change, Duration lease) {
  switch (change.change_case()) {
    case v1::Replica::kRegistered: return register_broker(change.registered(), lease);
    case v1::Replica::kUnregistered: return unregister_broker(change.unregistered().broker());
    case v1::Replica::kSession: return sessions_.adopt(change.session());
    case v1::Replica::kSessionEnded: return end_session(change.session_ended());
    case v1::Replica::kSubscription: return adopted_.put(change.subscription());
    case v1::Replica::kSubscriptionEnded: return adopted_.remove(change.subscription_ended());
    case v1::Replica::kPlaces: return adopted_.put(change.places());
    default: return;
  }
}

size_t Core::take_over() {
  struct Wanted {
    std::string camera;
    Quality quality;
    auto operator<=>(const Wanted&) const = default;
  };
  std::map<Wanted, Place> wanted;  // from where its slowest subscriber is
  for (const auto& request : adopted_.take()) {
    const auto camera = cameras_.find(request.camera());
    if (request.has_begin_ns() || !camera) continue;  // the past waits until they come
    Place place{request.after_sequence(), Timestamp{Duration{request.after_ns()}}};
    if (request.after_epoch() != camera->epoch()) place = {};
    auto& from = wanted.try_emplace({request.camera(), quality_of(request)}, place).first->second;
    if (place.sequence > 0 && (from.sequence == 0 || place.sequence < from.sequence)) from = place;
  }
  size_t made = 0;
  for (const auto& [one, place] : wanted) {
    try {
      retire(cameras_.feed(one.camera, one.quality, place), kTakeOver);
      ++made;
    } catch (const Error& e) {
      log::warn("camera '{}': {}", one.camera, e.line());
    }
  }
  return made;
}

}  // namespace vedette::broker
