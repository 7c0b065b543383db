#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vedette/convert/tensor.h"
#include "vedette/convert/weights.h"

namespace vedette::convert {

/// One attribute of a TensorFlow node. The field that the attribute has is set; forms that no handled operator uses are
/// all unset.
struct TfAttribute {
  std::optional<std::string> s;
  std::optional<int64_t> i;
  std::optional<double> f;
  std::optional<bool> b;
  std::vector<int64_t> ints;  ///< of a list
};

/// An input of a node: output `output` of node `node`.
struct TfRef {
  std::string node;
  int output = 0;
};

struct TfNode {
  std::string name;
  std::string op;
  std::vector<TfRef> inputs;  ///< data inputs; control inputs ("^name") are left out
  std::map<std::string, TfAttribute, std::less<>> attributes;
};

/// The bytes of a shard, named as in the manifest ("group1-shard1of5", beside model.json), of at most `most_bytes`.
using ReadShard = std::function<std::string(const std::string& path, size_t most_bytes)>;

/// A TensorFlow.js graph model: nodes and constants.
class TfjsModel {
 public:
  /// Limits: 64 MiB of JSON, 64 levels, 50,000 nodes and as many weights, 512 MiB of weights.
  static constexpr size_t kMostJsonBytes = size_t{64} << 20;
  static constexpr size_t kMostWeightBytes = size_t{512} << 20;

  /// Parses a model.json of either generation: attribute strings in base64 or as arrays of character codes, whole
  /// numbers as numbers or as text. Weights are not read. Throws Error(kInvalidData) naming what is wrong and where.
  static TfjsModel parse(std::string_view model_json);

  /// The weight files that load_weights() will ask for, in order. Each is a plain relative path without "..".
  std::vector<std::string> shards() const;
  /// Reads and decodes every weight. Throws Error(kInvalidData) when the shards of a group hold less or more than its
  /// manifest.
  void load_weights(const ReadShard& read);

  /// Null when there is none.
  const TfNode* find(std::string_view name) const;
  const Tensor* constant(std::string_view name) const;
  /// Replaces a constant's values. Throws Error(kInvalidData) when no constant has the name.
  void set_constant(const std::string& name, Tensor tensor);
  /// Adds a constant node (for tests and recipes).
  void add_constant(const std::string& name, Tensor tensor);
  /// Adds a node; throws Error(kInvalidData) when the name is taken.
  void add_node(TfNode node);

  size_t node_count() const { return nodes_.size(); }
  /// Weights that the manifest describes.
  size_t weight_count() const;

 private:
  struct Group {
    std::vector<std::string> paths;
    std::vector<WeightSpec> weights;
  };

  std::vector<TfNode> nodes_;
  std::unordered_map<std::string, size_t> index_;
  std::vector<Group> groups_;
  std::unordered_map<std::string, Tensor> constants_;
};

/// "name", "name:2" or "^name"; the last is a control input and gives nothing. Throws Error(kInvalidData).
std::optional<TfRef> parse_ref(std::string_view text);

}  // namespace vedette::convert
