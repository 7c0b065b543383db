#include "vedette/convert/converter.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "vedette/base/error.h"
#include "vedette/convert/emitter.h"
#include "vedette/convert/ops.h"

namespace vedette::convert {
namespace {

class Converter {
 public:
  Converter(const TfjsModel& model, const ConvertOptions& options)
      : model_(model), options_(options), graph_(options.graph_name), emitter_(graph_) {}

  std::string run() {
    const ConvertOptions::Input& input = options_.input;
    element_count(input.shape);
    if (model_.find(input.node) == nullptr) fail(fmt::format("there is no node '{}' to put the input at", input.node));
    const std::string name = graph_.unique(input.name);
    graph_.add_input(name, input.shape);
    done_[input.node] = {{input.shape, identity_layout(input.shape.size()), name, nullptr, input.node}};
    // Names of outputs are set aside, so that no node in between takes one.
    for (const auto& output : options_.outputs) {
      if (graph_.unique(output.name) != output.name)
        fail(fmt::format("two inputs or outputs are named '{}'", output.name));
    }
    std::vector<std::string> stored;
    for (const auto& output : options_.outputs) stored.push_back(convert_output(output));
    for (size_t i = 0; i < stored.size(); ++i) {
      const std::string& to = options_.outputs[i].name;
      const bool again =
          std::find(stored.begin(), stored.begin() + static_cast<int64_t>(i), stored[i]) - stored.begin() !=
          static_cast<int64_t>(i);
      if (again || !graph_.rename(stored[i], to))
        graph_.add_node({"Identity", {again ? first_name(stored, i) : stored[i]}, {to}, {}});
    }
    graph_.drop_unused();
    return graph_.serialize();
  }

 private:
  [[noreturn]] static void fail(const std::string& what) {
    throw Error(ErrorCode::kInvalidData, "cannot convert the model: " + what);
  }

  /// The ONNX tensor that holds the output as TensorFlow sees it.
  std::string convert_output(const ConvertOptions::Output& output) {
    const auto ref = parse_ref(output.ref);
    if (!ref) fail(fmt::format("'{}' is no output", output.ref));
    convert(ref->node);
    const Value& value = at(*ref, "output '" + output.name + "'");
    graph_.add_output(output.name, value.shape);
    return emitter_.stored(value);
  }

  /// What the tensor that output `i` shares with an earlier output is called by now.
  const std::string& first_name(const std::vector<std::string>& stored, size_t i) const {
    const auto first = static_cast<size_t>(std::find(stored.begin(), stored.end(), stored[i]) - stored.begin());
    return options_.outputs[first].name;
  }

  /// Converts a node after everything it needs. No recursion: a chain may be as long as the graph.
  void convert(const std::string& target) {
    struct Visit {
      const TfNode* node;
      size_t next = 0;
    };
    std::vector<Visit> path;
    std::unordered_set<std::string_view> on_path;
    const auto enter = [&](const std::string& name, const std::string& needed_by) {
      if (done_.contains(name)) return;
      const TfNode* node = model_.find(name);
      if (node == nullptr) fail(fmt::format("{} needs '{}', which does not exist", needed_by, name));
      if (!on_path.insert(node->name).second) fail(fmt::format("'{}' depends on itself", name));
      path.push_back({node});
    };
    enter(target, "an output");
    while (!path.empty()) {
      Visit& visit = path.back();
      const TfNode& node = *visit.node;
      if (visit.next < node.inputs.size()) {
        const std::string& needed = node.inputs[visit.next++].node;
        enter(needed, "node '" + node.name + "'");
        continue;
      }
      done_[node.name] = convert_node(node);
      on_path.erase(node.name);
      path.pop_back();
    }
  }

  std::vector<Value> convert_node(const TfNode& node) {
    if (node.op == "Const") {
      const Tensor* tensor = model_.constant(node.name);
      if (tensor == nullptr) fail(fmt::format("the constant '{}' has no weights", node.name));
      return {{tensor->shape, identity_layout(tensor->shape.size()), {}, tensor, node.name}};
    }
    const OpHandler handler = find_op(node.op);
    if (handler == nullptr) {
      throw Error(ErrorCode::kInvalidData,
                  fmt::format("cannot convert node '{}': operator '{}' is not supported", node.name, node.op),
                  "convert the model to ONNX with another tool and write a model card for it");
    }
    std::vector<Value> inputs;
    for (const TfRef& ref : node.inputs) inputs.push_back(at(ref, "node '" + node.name + "'"));
    OpContext context(node, std::move(inputs), emitter_);
    return handler(context);
  }

  const Value& at(const TfRef& ref, const std::string& needed_by) const {
    const std::vector<Value>& values = done_.at(ref.node);
    if (static_cast<size_t>(ref.output) >= values.size()) {
      fail(fmt::format("{} needs output {} of '{}', which has {}", needed_by, ref.output, ref.node, values.size()));
    }
    return values[static_cast<size_t>(ref.output)];
  }

  const TfjsModel& model_;
  const ConvertOptions& options_;
  OnnxGraph graph_;
  Emitter emitter_;
  std::unordered_map<std::string, std::vector<Value>> done_;
};

}  // namespace

std::string convert_to_onnx(const TfjsModel& model, const ConvertOptions& options) {
  return Converter(model, options).run();
}

}  // namespace vedette::convert
