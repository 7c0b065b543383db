#include "vedette/infer/vector_model.h"

#include <vector>

#include "vedette/base/error.h"

namespace vedette::infer {
namespace {

const VectorHead& head_meaning(const ModelCard& card, VectorHead::Meaning wanted) {
  const bool embedding = wanted == VectorHead::Meaning::kEmbedding;
  const auto& head = head_as<VectorHead>(card, embedding ? "an embedding" : "a classifier");
  if (head.meaning() != wanted)
    throw Error(ErrorCode::kInvalidConfig,
                "model '" + card.name + "' " +
                    (embedding ? "classifies; it has no embedding" : "makes embeddings; it has no classes"),
                "choose another model");
  return head;
}

}  // namespace

VectorModel::VectorModel(const ModelCard& card, VectorHead::Meaning wanted, const SessionOptions& options,
                         const ModelStore& store)
    : head_(head_meaning(card, wanted)), model_(card, options, store), size_(head_.bind(model_.context())) {}

void VectorModel::run(std::span<const Picture* const> pictures, const Visit& visit) {
  if (pictures.empty()) return;
  model_.run(pictures, [&](const PictureModel::Result& result) {
    std::vector<float> vector(result.outputs[0], result.outputs[0] + size_);
    head_.finish(vector);
    visit(result.picture, vector);
  });
}

}  // namespace vedette::infer
