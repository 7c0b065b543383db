#pragma once

#include <memory>
#include <span>
#include <vector>

#include "vedette/frame/object.h"
#include "vedette/frame/picture.h"
#include "vedette/infer/model_card.h"
#include "vedette/infer/model_store.h"
#include "vedette/infer/session_options.h"

namespace vedette::infer {

/// Finds objects in pictures with a model whose card has a detection head. Thread-safe: up to `instances` calls run at
/// the same time, further callers wait for a free instance. The same pictures give the same objects, bit for bit.
class Detector {
 public:
  struct Params {
    float score = 0.5f;           ///< least score of an object
    float nms_iou = 0.6f;  ///< of two boxes of a class that overlap more than this, the one with the lower score goes
    size_t max_objects = 300;  ///< best scores stay
    std::vector<int> class_ids;  ///< only these are looked for; empty: all
  };

  /// Loads and warms up. A model file is loaded once per process for equal options and shared by all who ask for it, as
  /// long as anyone holds it. Throws Error: kNotFound (no file), kInvalidData (wrong hash, not an ONNX model, shapes
  /// that do not fit the card), kInvalidConfig (not a detection head, unknown execution provider).
  static std::shared_ptr<Detector> load(const ModelCard& card, const SessionOptions& options,
                                        const ModelStore& store = ModelStore::standard());
  virtual ~Detector() = default;

  /// The card's threshold and overlap.
  virtual Params default_params() const = 0;
  /// One list a picture: boxes in pixels of that picture, clipped to it, best score first. Pictures beyond
  /// largest_batch() go into further runs. Throws Error(kTimeout) when no instance becomes free in time,
  /// Error(kInternal) from ONNX Runtime.
  virtual std::vector<std::vector<Object>> detect(std::span<const Picture* const> pictures, const Params& params) = 0;
  /// Class names; null when the card has none.
  virtual const std::shared_ptr<const Labels>& labels() const = 0;
  /// Pictures that one run takes.
  virtual size_t largest_batch() const = 0;
};

}  // namespace vedette::infer
