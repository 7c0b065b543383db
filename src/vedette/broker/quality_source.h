#pragma once

#include <memory>
#include <string>

#include "vedette/broker/cameras.h"
#include "vedette/framelog/bounds.h"
#include "vedette/framelog/knob_table.h"

namespace vedette::broker {

/// What a policy is asked for, at the camera and where the channel is divided. One bound alone: the other is as loose
/// as can be.
framelog::Bounds bounds_of(const Quality& quality);

/// Sizes and accuracies of a few settings of the knobs, for cameras that nobody profiled. The controller learns the
/// real sizes; the accuracies are those of one detector on one street scene, not of yours.
framelog::KnobTable built_in_table();

/// Fills a feed with the frames of a better one, changed by the knobs: within `max_side_px`, and for bounds by what the
/// policy chooses from the table, fed by what subscribers say they saw. Frames keep their sequence numbers; those that
/// are left out become gaps. Of live frames it takes the newest; of the past every one, as fast as its subscriber
/// reads.
std::shared_ptr<FeedSource> make_quality_source(const SourceWanted& wanted, const std::string& policy,
                                                std::shared_ptr<const framelog::KnobTable> table);

}  // namespace vedette::broker
