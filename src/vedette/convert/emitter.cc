#include "vedette/convert/emitter.h"

#include <algorithm>
#include <numeric>

#include "vedette/base/error.h"

namespace vedette::convert {

Layout identity_layout(size_t rank) {
  Layout layout(rank);
  std::iota(layout.begin(), layout.end(), 0);
  return layout;
}

int Value::stored_axis(int axis) const {
  const auto it = std::find(layout.begin(), layout.end(), axis);
  VEDETTE_ASSERT(it != layout.end());
  return static_cast<int>(it - layout.begin());
}

Value Emitter::node(const std::string& op, const std::string& source, std::vector<std::string> inputs, Shape shape,
                    const Layout& layout, OnnxAttributes attributes) {
  return nodes(op, source, std::move(inputs), {std::move(shape)}, layout, std::move(attributes)).front();
}

std::vector<Value> Emitter::nodes(const std::string& op, const std::string& source, std::vector<std::string> inputs,
                                  const std::vector<Shape>& shapes, const Layout& layout, OnnxAttributes attributes) {
  OnnxNode node{op, std::move(inputs), {}, std::move(attributes)};
  std::vector<Value> values;
  for (const Shape& shape : shapes) {
    element_count(shape);
    node.outputs.push_back(graph_.unique(source));
    values.push_back({shape, layout, node.outputs.back(), nullptr, source});
  }
  graph_.add_node(std::move(node));
  return values;
}

std::string Emitter::stored(const Value& value, const Layout& layout) {
  if (value.is_constant()) {
    VEDETTE_ASSERT(layout.size() >= value.rank());
    auto& name = constants_[{value.constant, layout}];
    if (name.empty()) {
      name = graph_.unique(value.source);
      Shape padded(layout.size() - value.rank(), 1);
      padded.insert(padded.end(), value.shape.begin(), value.shape.end());
      graph_.add_initializer(name, transposed(reshaped(*value.constant, padded), layout));
    }
    return name;
  }
  VEDETTE_ASSERT(layout.size() == value.rank());
  if (layout == value.layout) return value.name;
  auto& name = transposed_[{value.name, layout}];
  if (name.empty()) {
    std::vector<int64_t> perm;
    for (const int axis : layout) perm.push_back(value.stored_axis(axis));
    name = graph_.unique(value.source);
    graph_.add_node({"Transpose", {value.name}, {name}, {{"perm", perm}}});
  }
  return name;
}

std::string Emitter::ints(const std::string& source, const std::vector<int64_t>& values) {
  auto& name = int_lists_[values];
  if (name.empty()) {
    name = graph_.unique(source);
    graph_.add_initializer(name, {{static_cast<int64_t>(values.size())}, values});
  }
  return name;
}

std::string Emitter::floats(const std::string& source, std::vector<float> values, Shape shape) {
  const std::string name = graph_.unique(source);
  graph_.add_initializer(name, {std::move(shape), std::move(values)});
  return name;
}

Value Emitter::constant(const std::string& source, Tensor tensor) {
  const Tensor& kept = *owned_.emplace_back(std::make_unique<const Tensor>(std::move(tensor)));
  return {kept.shape, identity_layout(kept.shape.size()), {}, &kept, source};
}

const Emitter::Padding* Emitter::find_padding(const Value& value) const {
  const auto it = paddings_.find(value.name);
  return it == paddings_.end() ? nullptr : &it->second;
}

}  // namespace vedette::convert
