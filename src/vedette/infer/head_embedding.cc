#include <cmath>

#include "vedette/infer/head.h"

namespace vedette::infer {
namespace {

/// One output [size] a picture, brought to L2 norm 1. A zero vector stays zero.
class EmbeddingHead final : public VectorHead {
 public:
  void fields(Fields&) override {}
  Meaning meaning() const override { return Meaning::kEmbedding; }
  void finish(std::span<float> vector) const override {
    double squares = 0;
    for (const float x : vector) squares += static_cast<double>(x) * x;
    if (!(squares > 0)) return;
    const auto scale = static_cast<float>(1 / std::sqrt(squares));
    for (float& x : vector) x *= scale;
  }
};

VEDETTE_HEAD(EmbeddingHead, "embedding");

}  // namespace
}  // namespace vedette::infer
