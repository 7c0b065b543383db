#pragma once

#include <functional>
#include <span>

#include "vedette/infer/picture_model.h"

namespace vedette::infer {

/// A model whose only output is one vector a picture: what embedders and classifiers share. Thread-safe.
class VectorModel {
 public:
  /// A finished vector (normalised, or scores) of the picture with this index; valid during the call only. Visits come
  /// from several threads at once.
  using Visit = std::function<void(size_t picture, std::span<const float> vector)>;

  /// Throws Error(kInvalidConfig) when the card's head means something else, and as PictureModel.
  VectorModel(const ModelCard& card, VectorHead::Meaning wanted, const SessionOptions& options,
              const ModelStore& store);

  const ModelCard& card() const { return model_.card(); }
  size_t size() const { return size_; }  ///< of a vector
  size_t largest_batch() const { return model_.largest_batch(); }

  /// Visits every picture once, as PictureModel::run().
  void run(std::span<const Picture* const> pictures, const Visit& visit);

 private:
  const VectorHead& head_;  // model_'s copy of the card keeps it alive
  PictureModel model_;
  size_t size_;
};

}  // namespace vedette::infer
