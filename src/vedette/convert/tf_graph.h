#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/convert/converter.h"
#include "vedette/convert/onnx_runner.h"

namespace vedette::convert {

/// For tests: a small TensorFlow graph from input "x" to output "y".
class Graph {
 public:
  explicit Graph(Shape input) : input_(std::move(input)) { model_.add_node({"x", "Placeholder", {}, {}}); }

  Graph& floats(const std::string& name, Shape shape, std::vector<float> values) {
    model_.add_constant(name, {std::move(shape), std::move(values)});
    return *this;
  }
  Graph& ints(const std::string& name, Shape shape, std::vector<int64_t> values) {
    model_.add_constant(name, {std::move(shape), std::move(values)});
    return *this;
  }
  Graph& ints(const std::string& name, std::vector<int64_t> values) {
    const auto count = static_cast<int64_t>(values.size());
    return ints(name, {count}, std::move(values));
  }
  Graph& node(const std::string& name, const std::string& op, const std::vector<std::string>& inputs,
              std::map<std::string, TfAttribute, std::less<>> attributes = {}) {
    TfNode node{name, op, {}, std::move(attributes)};
    for (const std::string& input : inputs) node.inputs.push_back(*parse_ref(input));
    model_.add_node(std::move(node));
    return *this;
  }

  std::string convert(const std::string& output = "y") const {
    return convert_to_onnx(model_, {"test", {"x", "in", input_}, {{output, "out"}}});
  }
  OnnxRunner::Output run(std::vector<float> x, const std::string& output = "y") const {
    return OnnxRunner(convert(output)).run(std::move(x)).at("out");
  }

  std::string failure() const {
    try {
      convert();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidData);
      return error.what();
    }
    return "converted";
  }

 private:
  Shape input_;
  TfjsModel model_;
};

inline TfAttribute text(const std::string& s) { return {.s = s, .i = {}, .f = {}, .b = {}, .ints = {}}; }
inline TfAttribute number(int64_t i) { return {.s = {}, .i = i, .f = {}, .b = {}, .ints = {}}; }
inline TfAttribute real(double f) { return {.s = {}, .i = {}, .f = f, .b = {}, .ints = {}}; }
inline TfAttribute flag(bool b) { return {.s = {}, .i = {}, .f = {}, .b = b, .ints = {}}; }
inline TfAttribute list(std::vector<int64_t> ints) {
  return {.s = {}, .i = {}, .f = {}, .b = {}, .ints = std::move(ints)};
}

inline std::vector<float> ramp(size_t count, float step = 0.37F) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = std::sin(static_cast<float>(i) * step) * 3.0F;
  return values;
}

/// Within 1e-4 of `expected`, element by element.
inline auto near(const std::vector<float>& expected) { return testing::Pointwise(testing::FloatNear(1e-4F), expected); }

}  // namespace vedette::convert
