#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "vedette/convert/tensor.h"

namespace vedette::convert {

using OnnxAttribute = std::variant<int64_t, float, std::string, std::vector<int64_t>>;
using OnnxAttributes = std::vector<std::pair<std::string, OnnxAttribute>>;

struct OnnxNode {
  std::string op;
  std::vector<std::string> inputs;  ///< "" leaves an optional input out
  std::vector<std::string> outputs;
  OnnxAttributes attributes;
};

/// An ONNX graph under construction (opset 13, IR version 7). Nodes stand in the order they are added, which must be
/// one in which they can be computed. The same calls give the same bytes.
class OnnxGraph {
 public:
  explicit OnnxGraph(std::string name) : name_(std::move(name)) {}

  /// `wanted`, or `wanted_1`, … when a tensor of that name exists. The name is taken from then on.
  std::string unique(const std::string& wanted);

  void add_input(const std::string& name, const Shape& shape);
  void add_output(const std::string& name, const Shape& shape);
  void add_initializer(const std::string& name, Tensor tensor);
  void add_node(OnnxNode node) { nodes_.push_back(std::move(node)); }

  /// Gives a tensor that a node computes the name `to`, which unique() has given out, everywhere. False when no node
  /// computes it.
  bool rename(const std::string& from, const std::string& to);

  /// Leaves out the nodes and constants that no output needs.
  void drop_unused();

  const std::vector<OnnxNode>& nodes() const { return nodes_; }
  /// The ONNX file.
  std::string serialize() const;

 private:
  struct Port {
    std::string name;
    Shape shape;
  };

  std::string name_;
  std::vector<OnnxNode> nodes_;
  std::vector<std::pair<std::string, Tensor>> initializers_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::unordered_set<std::string> names_;
};

}  // namespace vedette::convert
