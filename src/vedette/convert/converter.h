#pragma once

#include <string>
#include <vector>

#include "vedette/convert/tfjs_model.h"

namespace vedette::convert {

/// The part of a TensorFlow graph to convert and the names it gets.
struct ConvertOptions {
  struct Input {
    std::string node;  ///< TensorFlow node in whose place the input stands; what feeds it is left out
    std::string name;  ///< of the ONNX input
    Shape shape;       ///< as TensorFlow sees it, every axis known
  };
  struct Output {
    std::string ref;   ///< "node" or "node:2"
    std::string name;  ///< of the ONNX output
  };

  std::string graph_name;
  Input input;
  std::vector<Output> outputs;
};

/// Converts a model to ONNX (opset 13, float32, fixed shapes) and returns the file's bytes; the same model and options
/// give the same bytes. Every shape is worked out on the way, so shape arithmetic becomes constants; NHWC tensors are
/// kept as NCHW throughout and transposed only where a Reshape or an output needs it.
///
/// Throws Error(kInvalidData) for an operator that is not supported (naming it and the node), a node, constant or
/// output that does not exist, shapes that do not fit, or a graph with a cycle.
std::string convert_to_onnx(const TfjsModel& model, const ConvertOptions& options);

}  // namespace vedette::convert
