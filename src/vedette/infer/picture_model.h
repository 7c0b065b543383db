#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "vedette/base/fork_join.h"
#include "vedette/frame/picture.h"
#include "vedette/infer/batcher.h"
#include "vedette/infer/head.h"
#include "vedette/infer/model_store.h"
#include "vedette/infer/preprocess.h"
#include "vedette/infer/session.h"

namespace vedette::infer {

/// What detectors, embedders and classifiers share: pictures go through pre-processing, batching and a session, and
/// their outputs to a visitor. Thread-safe.
class PictureModel {
 public:
  /// One picture's outputs; valid during the call only. `slot` < instances(): nobody else uses that number meanwhile.
  struct Result {
    size_t picture;  ///< index within the span that was passed to run()
    OutputData outputs;
    const Placement& placement;
    size_t slot;
  };
  using Visit = std::function<void(const Result&)>;

  /// Finds the file, checks its hash, loads and warms up. Throws as Detector::load().
  PictureModel(const ModelCard& card, const SessionOptions& options, const ModelStore& store);
  ~PictureModel();

  const ModelCard& card() const { return card_; }
  HeadContext context() const { return {card_, session_->outputs()}; }
  size_t largest_batch() const { return session_->largest_batch(); }
  size_t instances() const { return session_->instances(); }

  /// Visits every picture once. Several pictures are spread over the instances, and a lone one may be grouped with
  /// another caller's: visits come in any order, from several threads at once.
  void run(std::span<const Picture* const> pictures, const Visit& visit);

 private:
  struct Item {
    const Picture* picture;
    const Visit* visit;
    size_t index;
  };
  void run_now(std::span<Item* const> items);
  size_t part_size(size_t pictures) const;

  ModelCard card_;
  const bool spreads_;  ///< a processor's cores work side by side; an accelerator wants large batches
  std::shared_ptr<Session> session_;
  std::vector<Preprocessor> preprocessors_;  ///< one a slot
  std::unique_ptr<Batcher<Item>> batcher_;   ///< null where pictures never wait for each other
  ForkJoin fork_;
};

/// The card's head as a T. Throws Error(kInvalidConfig) that says what the card's head is and what was wanted.
template <typename T>
const T& head_as(const ModelCard& card, const char* wanted) {
  VEDETTE_ASSERT(card.head != nullptr);
  if (const auto* head = dynamic_cast<const T*>(card.head.get())) return *head;
  throw Error(ErrorCode::kInvalidConfig,
              "model '" + card.name + "' has the head '" + card.head_type + "', which is not " + wanted,
              "choose another model");
}

}  // namespace vedette::infer
