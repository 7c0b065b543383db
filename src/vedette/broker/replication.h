#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace vedette::broker {

namespace v1 {
class Places;
class Replica;
class SubscribeRequest;
class SubscriptionState;
}  // namespace v1

/// A primary's side: the standbys that listen. Thread-safe.
class ReplicaListeners {
 public:
  using Listener = std::function<void(const v1::Replica&)>;
  /// `state` tells all there is; no change that is told meanwhile is lost (one may come twice). Listeners must be
  /// quick.
  uint64_t add(Listener listener, const std::function<void(const Listener&)>& state);
  void remove(uint64_t listener);
  void tell(const v1::Replica& change) const;
  bool empty() const;

 private:
  mutable std::mutex mutex_;
  std::map<uint64_t, Listener> listeners_;
  uint64_t last_ = 0;
};

/// A standby's side: the subscriptions at its primary, so that it can have their frames ready. Thread-safe.
class AdoptedSubscriptions {
 public:
  void put(const v1::SubscriptionState& state);
  void remove(const std::string& subscription);
  void put(const v1::Places& places);
  /// What each asked for, with the place it was at; forgets them all.
  std::vector<v1::SubscribeRequest> take();

 private:
  static constexpr size_t kMost = 4096;
  std::mutex mutex_;
  std::map<std::string, v1::SubscribeRequest> requests_;
};

}  // namespace vedette::broker
