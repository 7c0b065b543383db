#pragma once

#include <string>

#include "vedette/link/status.h"
#include "vedette/plan/report.h"

namespace vedette::node {

/// vedette_node_… and vedette_link_… in Prometheus' text exposition format 0.0.4; every family once. Spans are
/// histograms in seconds with the buckets of base/histogram.h. Labels of a channel: peer, producer (a stage's key or
/// "source"), stream (its key).
std::string metrics_text(const plan::NodeReport& report, const link::EndpointStatus& links, bool connected);

}  // namespace vedette::node
