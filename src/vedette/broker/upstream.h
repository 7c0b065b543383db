#pragma once

#include <memory>
#include <string>

#include "vedette/broker/cameras.h"
#include "vedette/broker/channels.h"
#include "vedette/broker/client.h"

namespace vedette::broker {

/// Fills a feed with the frames of a camera at another broker, as one of its subscribers, and tells it what it saw of
/// them. Waits for a broker that is lost, until the feed is given up. `options.addresses` is that broker. Live frames
/// within bounds have their part of `channel`, which is one of `channels` (they outlive the source).
std::shared_ptr<FeedSource> make_upstream(const SourceWanted& wanted, ClientOptions options, Channels& channels,
                                          std::string channel);

}  // namespace vedette::broker
