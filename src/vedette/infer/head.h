#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/settings.h"
#include "vedette/infer/model_card.h"

namespace vedette::infer {

/// One output of a model as the first run showed it. `shape` is without the batch dimension.
struct OutputSpec {
  std::string name;
  std::vector<int64_t> shape;
};
std::string shape_text(std::span<const int64_t> shape);  ///< "[1600, 80]"

/// What a head learns of the model it is bound to.
struct HeadContext {
  const ModelCard& card;
  std::span<const OutputSpec> outputs;

  size_t classes() const { return card.labels ? card.labels->size() : 0; }  ///< 0: the card has no labels
  /// Throws Error(kInvalidData): "model card 'x': output 'y' has shape …, but a nanodet head expects …".
  [[noreturn]] void reject(const OutputSpec& output, const std::string& expected) const;
  [[noreturn]] void reject(const std::string& expected) const;  ///< lists all outputs
};

/// The outputs of one picture, in the order of HeadContext::outputs; element i holds the product of that shape's sizes.
using OutputData = std::span<const float* const>;

/// What a model's outputs mean. A head is described by its settings (the card's `head:` map without `type`) and bound
/// to a model's outputs when that is loaded. A head type is one file: a class, and VEDETTE_HEAD(Class, "type").
class Head {
 public:
  virtual ~Head() = default;
  virtual void fields(Fields& f) = 0;
};

/// A box of one class before suppression, in pixels of the model's input.
struct Candidate {
  float left = 0, top = 0, right = 0, bottom = 0;
  float score = 0;
  int class_id = 0;
};

/// What a decoder is asked for: scores of at least `score`; of the classes `class_ids` (sorted; empty: all).
struct DecodeRequest {
  float score = 0;
  std::span<const int> class_ids;
};

/// Turns the outputs of one picture into candidates. Stateless: called from many threads.
class BoxDecoder {
 public:
  virtual ~BoxDecoder() = default;
  /// Appends. At most one candidate an anchor: its best class among those asked for.
  virtual void decode(OutputData outputs, const DecodeRequest& request, std::vector<Candidate>& candidates) const = 0;
};

/// Heads of models that find objects.
class DetectionHead : public Head {
 public:
  float score = 0.5f;           ///< default threshold
  float nms_iou = 0.6f;
  bool class_agnostic = false;  ///< boxes suppress those of other classes too

  void fields(Fields& f) override;
  /// Throws Error(kInvalidData) through `context` when the outputs are not this head's.
  virtual std::unique_ptr<const BoxDecoder> bind(const HeadContext& context) const = 0;
};

/// Heads whose only output is one vector a picture.
class VectorHead : public Head {
 public:
  enum class Meaning { kEmbedding, kScores };
  virtual Meaning meaning() const = 0;
  /// Length of the vector. Throws Error(kInvalidData) through `context`.
  virtual size_t bind(const HeadContext& context) const;
  /// Works on the raw vector in place: L2 norm, softmax, ….
  virtual void finish(std::span<float> vector) const = 0;
};

using HeadFactory = std::function<std::shared_ptr<Head>()>;
/// The registry is filled before main by VEDETTE_HEAD and only read afterwards.
void register_head(std::string_view type, HeadFactory factory);
std::shared_ptr<Head> make_head(std::string_view type);  ///< null for an unknown type
std::vector<std::string> head_types();                   ///< sorted

#define VEDETTE_HEAD(Class, type)                         \
  [[maybe_unused]] static const bool registered_##Class = \
      (::vedette::infer::register_head(type, [] { return std::make_shared<Class>(); }), true)

}  // namespace vedette::infer
