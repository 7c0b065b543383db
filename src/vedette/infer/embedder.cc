#include "vedette/infer/embedder.h"

#include "vedette/infer/vector_model.h"

namespace vedette::infer {
namespace {

class CardEmbedder final : public Embedder {
 public:
  CardEmbedder(const ModelCard& card, const SessionOptions& options, const ModelStore& store)
      : model_(card, VectorHead::Meaning::kEmbedding, options, store) {}

  std::vector<std::vector<float>> embed(std::span<const Picture* const> crops) override {
    std::vector<std::vector<float>> vectors(crops.size());
    model_.run(crops, [&](size_t crop, std::span<const float> v) { vectors[crop].assign(v.begin(), v.end()); });
    return vectors;
  }

  size_t size() const override { return model_.size(); }
  size_t largest_batch() const override { return model_.largest_batch(); }

 private:
  VectorModel model_;
};

}  // namespace

std::shared_ptr<Embedder> Embedder::load(const ModelCard& card, const SessionOptions& options,
                                         const ModelStore& store) {
  return std::make_shared<CardEmbedder>(card, options, store);
}

}  // namespace vedette::infer
