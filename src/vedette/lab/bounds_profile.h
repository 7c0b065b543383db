#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "vedette/frame/object.h"
#include "vedette/frame/picture.h"
#include "vedette/lab/bounds_table.h"
#include "vedette/lab/detection_data.h"
#include "vedette/lab/mot_file.h"
#include "vedette/media/knobs.h"

namespace vedette::lab {

/// A frame of the clip, decoded once for all combinations.
struct ProfileFrame {
  int64_t number = 0;  ///< in the truth file: the first frame of the clip is 1
  std::shared_ptr<const Picture> picture;
};

/// Characterises an application: how small its frames become, what they cost and how much of the accuracy is left under
/// a knob combination (paper 004 §2.4). Each frame goes through the knobs, is decoded as a consumer would and looked at
/// by the application's model; the boxes are mapped back to the original frame. A withheld frame counts with what was
/// found in the last one sent. F1 is at an overlap of 0.5 over all frames together, divided by that of the untouched
/// frames.
///
/// Pictures that come out the same (combinations that differ in differencing, or in a resolution above the clip's) are
/// looked at once. Not thread-safe.
class BoundsProfile {
 public:
  /// The application's model: objects in pixels of the picture.
  using Detect = std::function<std::vector<Object>(const std::shared_ptr<const Picture>&)>;
  struct Options {
    double least_iou = 0.5;
    /// Objects below this do not count; negative: with a truth the score at which the untouched frames have their best
    /// F1, without one 0.5.
    double score = -1;
  };
  struct Baseline {
    double f1 = 0;  ///< of the untouched frames
    double score = 0;  ///< from which objects count
    size_t truth_boxes = 0;
    double infer_ms = 0;
  };

  /// Looks at the untouched frames. `truth`: rows of a MOT file, those of other frames are passed over; empty: what is
  /// found in the untouched frames is the truth, class by class. Throws Error(kInvalidData) without frames, without a
  /// truth box in them, or when the model finds nothing there: nothing could be compared. And what `detect` throws.
  BoundsProfile(std::vector<ProfileFrame> frames, const std::vector<MotRow>& truth, Detect detect, Options options);

  const Baseline& baseline() const { return baseline_; }
  /// Throws what the knobs and the model throw.
  BoundsRow measure(int id);

 private:
  struct Seen {
    std::vector<Object> objects;  // in pixels of the stored picture
    double infer_ms = 0;
  };
  Seen look(const std::shared_ptr<const Picture>& picture) const;
  const Seen& look_once(const media::Encoded& encoded, media::KnobDecoder& decoder, Seen& other);
  void add_found(DetectionData& data, int64_t frame, const std::vector<Object>& objects) const;

  const std::vector<ProfileFrame> frames_;
  const Detect detect_;
  const Options options_;
  bool one_category_ = false;  // the truth has no classes
  DetectionData truth_;        // without found boxes
  Baseline baseline_;
  std::unordered_map<std::string, Seen> seen_;  // by hash and size of the encoded bytes
};

}  // namespace vedette::lab
