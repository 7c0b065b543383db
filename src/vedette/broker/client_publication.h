#pragma once

#include "vedette/broker/connector.h"

namespace vedette::broker {

/// Publishes one camera by the way that was agreed. Throws as Client::publish().
std::unique_ptr<ClientPublication> make_publication(std::shared_ptr<Connector> client, const std::string& camera,
                                                    double frames_a_second);

}  // namespace vedette::broker
