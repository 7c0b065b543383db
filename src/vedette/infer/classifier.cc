#include "vedette/infer/classifier.h"

#include <algorithm>
#include <numeric>

#include "vedette/infer/picture_model.h"

namespace vedette::infer {
namespace {

class CardClassifier final : public Classifier {
 public:
  CardClassifier(const ModelCard& card, const SessionOptions& options, const ModelStore& store)
      : head_(head_as<VectorHead>(card, "a classifier")),
        model_(card, options, store),
        size_(head_.bind(model_.context())) {}

  std::vector<std::vector<Result>> classify(std::span<const Picture* const> pictures, size_t top) override {
    std::vector<std::vector<Result>> results(pictures.size());
    if (pictures.empty()) return results;
    model_.run(pictures, [&](const PictureModel::Result& result) {
      std::vector<float> scores(result.outputs[0], result.outputs[0] + size_);
      head_.finish(scores);
      std::vector<int> order(size_);
      std::iota(order.begin(), order.end(), 0);
      const auto at = [&](int id) { return scores[static_cast<size_t>(id)]; };
      const size_t count = std::min(top, size_);
      std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                        [&](int a, int b) { return at(a) != at(b) ? at(a) > at(b) : a < b; });
      for (size_t i = 0; i < count; ++i) results[result.picture].push_back({order[i], at(order[i])});
    });
    return results;
  }

  const std::shared_ptr<const Labels>& labels() const override { return model_.card().labels; }
  size_t largest_batch() const override { return model_.largest_batch(); }

 private:
  const VectorHead& head_;  // model_'s copy of the card keeps it alive
  PictureModel model_;
  size_t size_;
};

}  // namespace

std::shared_ptr<Classifier> Classifier::load(const ModelCard& card, const SessionOptions& options,
                                             const ModelStore& store) {
  if (head_as<VectorHead>(card, "a classifier").meaning() != VectorHead::Meaning::kScores)
    throw Error(ErrorCode::kInvalidConfig, "model '" + card.name + "' makes embeddings; it has no classes",
                "choose another model");
  return std::make_shared<CardClassifier>(card, options, store);
}

}  // namespace vedette::infer
