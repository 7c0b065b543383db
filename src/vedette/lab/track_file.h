#pragma once

#include <vector>

#include "vedette/lab/mot_file.h"
#include "vedette/track/tracker.h"

namespace vedette::lab {

/// Runs a tracker over the detections of a MOT file, every frame from 1 to the last one with a row, and returns what it
/// reports. The confidence of a row is the score of its detection; the frame's size is taken to be unknown (0 × 0).
std::vector<MotRow> track_detections(const std::vector<MotRow>& detections, track::Tracker& tracker);

}  // namespace vedette::lab
