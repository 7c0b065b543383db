#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vedette/frame/object.h"
#include "vedette/frame/picture.h"
#include "vedette/infer/model_card.h"
#include "vedette/infer/model_store.h"
#include "vedette/infer/session_options.h"

namespace vedette::infer {

/// Says which class a picture as a whole belongs to. Threads, sharing and errors as Detector.
class Classifier {
 public:
  struct Result {
    int class_id = 0;
    float score = 0;  ///< 0 … 1
  };
  static std::shared_ptr<Classifier> load(const ModelCard& card, const SessionOptions& options,
                                          const ModelStore& store = ModelStore::standard());
  virtual ~Classifier() = default;

  /// One list a picture: the `top` best classes, best first; equal scores in order of class.
  virtual std::vector<std::vector<Result>> classify(std::span<const Picture* const> pictures, size_t top = 1) = 0;
  /// Class names; null when the card has none.
  virtual const std::shared_ptr<const Labels>& labels() const = 0;
  virtual size_t largest_batch() const = 0;
};

}  // namespace vedette::infer
