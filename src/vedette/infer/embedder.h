#pragma once

#include <memory>
#include <span>
#include <vector>

#include "vedette/frame/picture.h"
#include "vedette/infer/model_card.h"
#include "vedette/infer/model_store.h"
#include "vedette/infer/session_options.h"

namespace vedette::infer {

/// Turns pictures of single things (crops) into vectors that lie near each other when the things look alike. Threads,
/// sharing and errors as Detector.
class Embedder {
 public:
  static std::shared_ptr<Embedder> load(const ModelCard& card, const SessionOptions& options,
                                        const ModelStore& store = ModelStore::standard());
  virtual ~Embedder() = default;

  /// One vector of length size() a picture, of L2 norm 1, so that a dot product is the cosine.
  virtual std::vector<std::vector<float>> embed(std::span<const Picture* const> crops) = 0;
  virtual size_t size() const = 0;
  virtual size_t largest_batch() const = 0;
};

}  // namespace vedette::infer
