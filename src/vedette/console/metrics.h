#pragma once

#include <string>
#include <vector>

#include "vedette/framelog/shelf.h"
#include "vedette/graph/status.h"
#include "vedette/live/hub.h"

namespace vedette::console {

/// Everything in Prometheus' text exposition format 0.0.4. Spans are histograms in seconds with a bucket for each
/// octave from 1 µs; label values are those of the status: application, module, stream, reason; of `logs` application
/// and camera. docs/framelog.md names what is said of logs.
std::string metrics_text(const std::vector<graph::ApplicationStatus>& status, const live::HubStats& hub,
                         const std::vector<framelog::Shelf::Item>& logs);

}  // namespace vedette::console
