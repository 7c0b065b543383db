#include "vedette/infer/classifier.h"

#include <algorithm>
#include <numeric>

#include "vedette/infer/vector_model.h"

namespace vedette::infer {
namespace {

/// The `top` best classes, best first; equal scores in order of class.
std::vector<Classifier::Result> best(std::span<const float> scores, size_t top) {
  std::vector<int> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto at = [&](int id) { return scores[static_cast<size_t>(id)]; };
  const size_t count = std::min(top, scores.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](int a, int b) { return at(a) != at(b) ? at(a) > at(b) : a < b; });
  order.resize(count);
  std::vector<Classifier::Result> results;
  for (const int id : order) results.push_back({id, at(id)});
  return results;
}

class CardClassifier final : public Classifier {
 public:
  CardClassifier(const ModelCard& card, const SessionOptions& options, const ModelStore& store)
      : model_(card, VectorHead::Meaning::kScores, options, store) {}

  std::vector<std::vector<Result>> classify(std::span<const Picture* const> pictures, size_t top) override {
    std::vector<std::vector<Result>> results(pictures.size());
    model_.run(pictures, [&](size_t picture, std::span<const float> scores) { results[picture] = best(scores, top); });
    return results;
  }

  const std::shared_ptr<const Labels>& labels() const override { return model_.card().labels; }
  size_t largest_batch() const override { return model_.largest_batch(); }

 private:
  VectorModel model_;
};

}  // namespace

std::shared_ptr<Classifier> Classifier::load(const ModelCard& card, const SessionOptions& options,
                                             const ModelStore& store) {
  return std::make_shared<CardClassifier>(card, options, store);
}

}  // namespace vedette::infer
