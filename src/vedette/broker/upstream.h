#pragma once

#include <memory>
#include <string>

#include "vedette/broker/client.h"
#include "vedette/broker/feed.h"

namespace vedette::broker {

/// Fills a feed with the frames of a camera at another broker, as one of its subscribers, and tells it what it saw of
/// them. `feed` outlives the source. `options.addresses` is that broker.
std::shared_ptr<FeedSource> make_upstream(const std::string& camera, const Quality& quality, Feed& feed,
                                          ClientOptions options);

}  // namespace vedette::broker
