#include "vedette/convert/onnx_graph.h"

#include <fmt/format.h>
#include <onnx.pb.h>

#include <algorithm>
#include <ranges>

#include "vedette/base/error.h"

namespace vedette::convert {
namespace {

constexpr int64_t kIrVersion = 7;
constexpr int64_t kOpset = 13;

void write_attribute(onnx::AttributeProto& to, const std::string& name, const OnnxAttribute& value) {
  to.set_name(name);
  if (const auto* i = std::get_if<int64_t>(&value)) {
    to.set_type(onnx::AttributeProto::INT);
    to.set_i(*i);
  } else if (const auto* f = std::get_if<float>(&value)) {
    to.set_type(onnx::AttributeProto::FLOAT);
    to.set_f(*f);
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    to.set_type(onnx::AttributeProto::STRING);
    to.set_s(*s);
  } else {
    to.set_type(onnx::AttributeProto::INTS);
    const auto& ints = std::get<std::vector<int64_t>>(value);
    to.mutable_ints()->Assign(ints.begin(), ints.end());
  }
}

void write_tensor(onnx::TensorProto& to, const std::string& name, const Tensor& tensor) {
  to.set_name(name);
  to.set_data_type(tensor.is_float() ? onnx::TensorProto::FLOAT : onnx::TensorProto::INT64);
  to.mutable_dims()->Assign(tensor.shape.begin(), tensor.shape.end());
  std::visit([&](const auto& values) { to.set_raw_data(values.data(), values.size() * sizeof(values[0])); },
             tensor.values);
}

void write_port(onnx::ValueInfoProto& to, const std::string& name, const Shape& shape) {
  to.set_name(name);
  auto& type = *to.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  auto& dims = *type.mutable_shape();
  for (const int64_t size : shape) dims.add_dim()->set_dim_value(size);
}

}  // namespace

std::string OnnxGraph::unique(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 1; !names_.insert(name).second; ++i) name = fmt::format("{}_{}", wanted, i);
  return name;
}

void OnnxGraph::add_input(const std::string& name, const Shape& shape) { inputs_.push_back({name, shape}); }

void OnnxGraph::add_output(const std::string& name, const Shape& shape) { outputs_.push_back({name, shape}); }

void OnnxGraph::add_initializer(const std::string& name, Tensor tensor) {
  initializers_.emplace_back(name, std::move(tensor));
}

bool OnnxGraph::rename(const std::string& from, const std::string& to) {
  VEDETTE_ASSERT(names_.contains(to));
  bool computed = false;
  for (OnnxNode& node : nodes_) {
    if (const auto it = std::find(node.outputs.begin(), node.outputs.end(), from); it != node.outputs.end()) {
      *it = to;
      computed = true;
    }
  }
  if (!computed) return false;
  for (OnnxNode& node : nodes_) std::replace(node.inputs.begin(), node.inputs.end(), from, to);
  return true;
}

void OnnxGraph::drop_unused() {
  std::unordered_set<std::string> needed;
  for (const Port& output : outputs_) needed.insert(output.name);
  // Nodes stand in the order of computation: backwards, whoever needs a node has been seen before it.
  std::vector<OnnxNode> kept;
  for (OnnxNode& node : nodes_ | std::views::reverse) {
    const bool used =
        std::any_of(node.outputs.begin(), node.outputs.end(), [&](const auto& name) { return needed.contains(name); });
    if (!used) continue;
    needed.insert(node.inputs.begin(), node.inputs.end());
    kept.push_back(std::move(node));
  }
  nodes_.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  std::erase_if(initializers_, [&](const auto& initializer) { return !needed.contains(initializer.first); });
}

std::string OnnxGraph::serialize() const {
  onnx::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("vedette");
  model.add_opset_import()->set_version(kOpset);
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name(name_);
  for (const OnnxNode& node : nodes_) {
    onnx::NodeProto& to = *graph.add_node();
    to.set_op_type(node.op);
    to.set_name(node.outputs.front());
    for (const std::string& input : node.inputs) to.add_input(input);
    for (const std::string& output : node.outputs) to.add_output(output);
    for (const auto& [name, value] : node.attributes) write_attribute(*to.add_attribute(), name, value);
  }
  for (const auto& [name, tensor] : initializers_) write_tensor(*graph.add_initializer(), name, tensor);
  for (const Port& port : inputs_) write_port(*graph.add_input(), port.name, port.shape);
  for (const Port& port : outputs_) write_port(*graph.add_output(), port.name, port.shape);
  std::string bytes;
  if (!model.SerializeToString(&bytes))
    throw Error(ErrorCode::kInternal, "the converted model cannot be written as protobuf");
  return bytes;
}

}  // namespace vedette::convert
