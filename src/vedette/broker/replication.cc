#include "vedette/broker/replication.h"

#include "broker.pb.h"

namespace vedette::broker {

uint64_t ReplicaListeners::add(Listener listener, const std::function<void(const Listener&)>& state) {
  const std::lock_guard lock(mutex_);
  state(listener);
  listeners_[++last_] = std::move(listener);
  return last_;
}

void ReplicaListeners::remove(uint64_t listener) {
  const std::lock_guard lock(mutex_);
  listeners_.erase(listener);
}

void ReplicaListeners::tell(const v1::Replica& change) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [number, listener] : listeners_) listener(change);
}

bool ReplicaListeners::empty() const {
  const std::lock_guard lock(mutex_);
  return listeners_.empty();
}

void AdoptedSubscriptions::put(const v1::SubscriptionState& state) {
  const std::lock_guard lock(mutex_);
  if (requests_.size() < kMost || requests_.contains(state.subscription()))
    requests_[state.subscription()] = state.request();
}

void AdoptedSubscriptions::remove(const std::string& subscription) {
  const std::lock_guard lock(mutex_);
  requests_.erase(subscription);
}

void AdoptedSubscriptions::put(const v1::Places& places) {
  const std::lock_guard lock(mutex_);
  for (const auto& place : places.places()) {
    const auto found = requests_.find(place.subscription());
    if (found == requests_.end()) continue;
    found->second.set_after_sequence(place.sequence());
    found->second.set_after_ns(place.capture_ns());
  }
}

std::vector<v1::SubscribeRequest> AdoptedSubscriptions::take() {
  std::map<std::string, v1::SubscribeRequest> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(requests_);
  }
  std::vector<v1::SubscribeRequest> list;
  list.reserve(taken.size());
  for (auto& [id, request] : taken) list.push_back(std::move(request));
  return list;
}

}  // namespace vedette::broker
