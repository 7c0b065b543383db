#pragma once

#include "vedette/broker/connector.h"

namespace vedette::broker {

/// A subscription that outlives the broker it began at: it goes on behind the last frame it had, wherever the connector
/// finds a broker. Throws as Client::subscribe().
std::unique_ptr<ClientSubscription> make_subscription(std::shared_ptr<Connector> client, SubscribeOptions options);

}  // namespace vedette::broker
