#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/convert/emitter.h"
#include "vedette/convert/tfjs_model.h"

namespace vedette::convert {

/// What a handler sees of one TensorFlow node: its attributes, its inputs (already converted) and where to put ONNX
/// nodes. Everything that is asked for and missing or impossible throws Error(kInvalidData) naming the operator and the
/// node.
class OpContext {
 public:
  OpContext(const TfNode& node, std::vector<Value> inputs, Emitter& emitter)
      : node_(node), inputs_(std::move(inputs)), emitter_(emitter) {}

  const std::string& name() const { return node_.name; }
  const std::string& op() const { return node_.op; }
  Emitter& emit() { return emitter_; }

  size_t input_count() const { return inputs_.size(); }
  const std::vector<Value>& inputs() const { return inputs_; }
  const Value& input(size_t i) const;
  /// An input of exactly `rank` axes.
  const Value& input(size_t i, size_t rank) const;
  /// An input that must be a constant of whole numbers or of floats.
  const std::vector<int64_t>& ints(size_t i) const;
  const std::vector<float>& floats(size_t i) const;
  /// A constant axis number, brought into 0 … rank-1.
  int axis(int64_t axis, size_t rank) const;
  int axis_input(size_t i, size_t rank) const;

  int64_t attr_int(std::string_view key, int64_t otherwise) const;
  float attr_float(std::string_view key, float otherwise) const;
  bool attr_bool(std::string_view key, bool otherwise) const;
  std::string attr_text(std::string_view key, std::string otherwise) const;
  std::vector<int64_t> attr_ints(std::string_view key) const;

  [[noreturn]] void fail(const std::string& what) const;

 private:
  const TfAttribute* attribute(std::string_view key) const;

  const TfNode& node_;
  std::vector<Value> inputs_;
  Emitter& emitter_;
};

/// Converts one node into its outputs.
using OpHandler = std::vector<Value> (*)(OpContext&);

struct OpEntry {
  std::string_view op;  ///< TensorFlow's name
  OpHandler handler;
};

std::span<const OpEntry> elementwise_ops();  ///< activations, arithmetic
std::span<const OpEntry> spatial_ops();      ///< convolution, pooling, padding, resizing, batch normalisation
std::span<const OpEntry> shape_ops();        ///< reshape, transpose, concatenation, slices, shape arithmetic

/// Null when the operator is not supported.
OpHandler find_op(std::string_view op);

}  // namespace vedette::convert
