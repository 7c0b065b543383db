#include <fmt/format.h>

#include <cmath>

#include "vedette/infer/head.h"
#include "vedette/infer/scan.h"

namespace vedette::infer {
namespace {

/// One output [classes] a picture: logits, or scores that are ready to use.
class ClassifierHead final : public VectorHead {
 public:
  enum class Activation { kSoftmax, kSigmoid, kNone };
  Activation activation = Activation::kSoftmax;

  void fields(Fields& f) override {
    f.choice<Activation>(
        "activation", activation,
        {{"softmax", Activation::kSoftmax}, {"sigmoid", Activation::kSigmoid}, {"none", Activation::kNone}},
        "what turns the output into scores");
  }
  Meaning meaning() const override { return Meaning::kScores; }
  size_t bind(const HeadContext& context) const override {
    const size_t size = VectorHead::bind(context);
    if (context.classes() != 0 && size != context.classes())
      context.reject(context.outputs[0], fmt::format("[{}]", context.classes()));
    return size;
  }
  void finish(std::span<float> vector) const override {
    if (activation == Activation::kSigmoid) {
      for (float& x : vector) x = 1 / (1 + std::exp(-x));
    } else if (activation == Activation::kSoftmax) {
      const float top = largest_of(vector.data(), vector.size());
      float total = 0;
      for (float& x : vector) total += x = std::exp(x - top);
      for (float& x : vector) x /= total;
    }
  }
};

VEDETTE_HEAD(ClassifierHead, "classifier");

}  // namespace
}  // namespace vedette::infer
