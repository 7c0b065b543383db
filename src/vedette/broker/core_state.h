#pragma once

#include <cstdint>

#include "broker.pb.h"
#include "vedette/broker/core.h"

namespace vedette::broker {

/// A subscription as the core keeps it. Only for core*.cc: it brings the messages along.
struct Core::Subscribed {
  std::shared_ptr<Subscription> subscription;
  v1::SubscribeRequest request;  // with its target as it is now
  Quality quality;
  uint64_t told = 0;  // its place, to standbys
};

}  // namespace vedette::broker
