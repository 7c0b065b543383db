#include "vedette/infer/embedder.h"

#include "vedette/infer/picture_model.h"

namespace vedette::infer {
namespace {

class CardEmbedder final : public Embedder {
 public:
  CardEmbedder(const ModelCard& card, const SessionOptions& options, const ModelStore& store)
      : head_(head_as<VectorHead>(card, "an embedding")),
        model_(card, options, store),
        size_(head_.bind(model_.context())) {}

  std::vector<std::vector<float>> embed(std::span<const Picture* const> crops) override {
    std::vector<std::vector<float>> vectors(crops.size());
    if (crops.empty()) return vectors;
    model_.run(crops, [&](const PictureModel::Result& result) {
      auto& vector = vectors[result.picture];
      vector.assign(result.outputs[0], result.outputs[0] + size_);
      head_.finish(vector);
    });
    return vectors;
  }

  size_t size() const override { return size_; }
  size_t largest_batch() const override { return model_.largest_batch(); }

 private:
  const VectorHead& head_;  // model_'s copy of the card keeps it alive
  PictureModel model_;
  size_t size_;
};

}  // namespace

std::shared_ptr<Embedder> Embedder::load(const ModelCard& card, const SessionOptions& options,
                                         const ModelStore& store) {
  if (head_as<VectorHead>(card, "an embedding").meaning() != VectorHead::Meaning::kEmbedding)
    throw Error(ErrorCode::kInvalidConfig, "model '" + card.name + "' classifies; it has no embedding",
                "choose another model");
  return std::make_shared<CardEmbedder>(card, options, store);
}

}  // namespace vedette::infer
