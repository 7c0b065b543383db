#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "vedette/convert/ops.h"

namespace vedette::convert {
namespace {

/// An ONNX operator that works element by element, in whatever layout its input lies.
Value unary(OpContext& c, const std::string& onnx_op, const Value& x, OnnxAttributes attributes = {},
            std::vector<std::string> more_inputs = {}) {
  std::vector<std::string> inputs = {c.emit().stored(x, x.layout)};
  inputs.insert(inputs.end(), more_inputs.begin(), more_inputs.end());
  return c.emit().node(onnx_op, c.name(), std::move(inputs), x.shape, x.layout, std::move(attributes));
}

Shape broadcast(OpContext& c, const Shape& a, const Shape& b) {
  Shape shape(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t of_a = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t of_b = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (of_a != of_b && of_a != 1 && of_b != 1) {
      c.fail(fmt::format("shapes {} and {} do not go together", to_string(a), to_string(b)));
    }
    shape[shape.size() - 1 - i] = of_a == 1 ? of_b : of_a;
  }
  return shape;
}

bool is_whole(const Value& value) { return value.is_constant() && !value.constant->is_float(); }

/// Shape arithmetic: two constants of whole numbers of one shape, or one of them a single number.
template <typename Function>
Value fold_ints(OpContext& c, const Value& a, const Value& b, Function&& function) {
  const auto& x = a.constant->ints();
  const auto& y = b.constant->ints();
  const Shape shape = broadcast(c, a.shape, b.shape);
  const auto count = static_cast<size_t>(element_count(shape));
  if ((x.size() != count && x.size() != 1) || (y.size() != count && y.size() != 1))
    c.fail("unsupported broadcast of constants");
  std::vector<int64_t> result(count);
  for (size_t i = 0; i < count; ++i) {
    // Unsigned, so that overflow wraps as it does in TensorFlow.
    result[i] = static_cast<int64_t>(
        function(static_cast<uint64_t>(x[x.size() == 1 ? 0 : i]), static_cast<uint64_t>(y[y.size() == 1 ? 0 : i])));
  }
  return c.emit().constant(c.name(), {shape, std::move(result)});
}

/// An ONNX operator on two tensors, in the layout of the first that is no constant.
Value binary(OpContext& c, const std::string& onnx_op, const Value& a, const Value& b) {
  const Shape shape = broadcast(c, a.shape, b.shape);
  const auto fits = [&](const Value& v) { return v.is_constant() || v.rank() == shape.size(); };
  Layout layout = identity_layout(shape.size());
  if (fits(a) && fits(b)) {
    if (!a.is_constant()) {
      layout = a.layout;
    } else if (!b.is_constant()) {
      layout = b.layout;
    }
  }
  const auto operand = [&](const Value& v) { return fits(v) ? c.emit().stored(v, layout) : c.emit().stored(v); };
  // Two statements, so that the order of nodes is the same with every compiler.
  std::string first = operand(a);
  std::string second = operand(b);
  return c.emit().node(onnx_op, c.name(), {std::move(first), std::move(second)}, shape, layout);
}

template <typename Function>
std::vector<Value> arithmetic(OpContext& c, const std::string& onnx_op, Function&& function) {
  const Value& a = c.input(0);
  const Value& b = c.input(1);
  if (is_whole(a) && is_whole(b)) return {fold_ints(c, a, b, function)};
  if (is_whole(a) || is_whole(b)) c.fail("whole numbers and floats do not mix");
  return {binary(c, onnx_op, a, b)};
}

std::vector<Value> add(OpContext& c) { return arithmetic(c, "Add", std::plus<uint64_t>()); }
std::vector<Value> sub(OpContext& c) { return arithmetic(c, "Sub", std::minus<uint64_t>()); }
std::vector<Value> mul(OpContext& c) { return arithmetic(c, "Mul", std::multiplies<uint64_t>()); }

std::vector<Value> bias_add(OpContext& c) {
  if (c.attr_text("data_format", "NHWC") != "NHWC") c.fail("only data_format NHWC is supported");
  return add(c);
}

std::vector<Value> add_n(OpContext& c) {
  Value sum = c.input(0);
  for (size_t i = 1; i < c.input_count(); ++i) sum = binary(c, "Add", sum, c.input(i));
  return {sum};
}

template <const char* kOnnxOp>
std::vector<Value> simple(OpContext& c) {
  return {unary(c, kOnnxOp, c.input(0))};
}

std::vector<Value> relu6(OpContext& c) {
  std::string low = c.emit().floats(c.name() + "/low", {0.0F}, {});
  std::string high = c.emit().floats(c.name() + "/high", {6.0F}, {});
  return {unary(c, "Clip", c.input(0), {}, {std::move(low), std::move(high)})};
}

std::vector<Value> leaky_relu(OpContext& c) {
  return {unary(c, "LeakyRelu", c.input(0), {{"alpha", c.attr_float("alpha", 0.2F)}})};
}

std::vector<Value> pass(OpContext& c) { return {c.input(0)}; }

constexpr char kRelu[] = "Relu";
constexpr char kSigmoid[] = "Sigmoid";
constexpr char kTanh[] = "Tanh";
constexpr char kExp[] = "Exp";

constexpr OpEntry kEntries[] = {
    {"Add", add},
    {"AddV2", add},
    {"Sub", sub},
    {"Mul", mul},
    {"BiasAdd", bias_add},
    {"AddN", add_n},
    {"Relu6", relu6},
    {"LeakyRelu", leaky_relu},
    {"Identity", pass},
    {"StopGradient", pass},
    {"Relu", simple<kRelu>},
    {"Sigmoid", simple<kSigmoid>},
    {"Tanh", simple<kTanh>},
    {"Exp", simple<kExp>},
};

}  // namespace

std::span<const OpEntry> elementwise_ops() { return kEntries; }

}  // namespace vedette::convert
