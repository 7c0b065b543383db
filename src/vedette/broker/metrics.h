#pragma once

#include <string>

#include "vedette/net/principal.h"

namespace vedette::broker {

class Channels;
class Core;

/// vedette_broker_… of the whole broker, and vedette_broker_camera_… of each camera that `who` may see, in Prometheus'
/// text exposition format 0.0.4. docs/broker.md lists them.
std::string metrics_text(const Core& core, const Channels& channels, const net::Principal& who);

}  // namespace vedette::broker
