#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace vedette::convert {

/// Sizes of a tensor's axes, outermost first; empty for a scalar.
using Shape = std::vector<int64_t>;

/// Most elements of one tensor that is read or computed here.
inline constexpr int64_t kMostElements = int64_t{1} << 27;

/// A constant. Weights of every floating type become float; of every integer type and bool, int64 (which is what ONNX
/// wants for shapes and axes).
struct Tensor {
  Shape shape;
  std::variant<std::vector<float>, std::vector<int64_t>> values;

  bool is_float() const { return values.index() == 0; }
  const std::vector<float>& floats() const { return std::get<0>(values); }
  const std::vector<int64_t>& ints() const { return std::get<1>(values); }
};

/// Number of elements. Throws Error(kInvalidData) for a negative axis, more than 8 axes or more than kMostElements.
int64_t element_count(const Shape& shape);

/// "[1,3,320,320]" for messages.
std::string to_string(const Shape& shape);

/// The tensor with its axes exchanged: axis i of the result is axis `order[i]` of `from`.
Tensor transposed(const Tensor& from, const std::vector<int>& order);

/// The tensor with another shape of the same number of elements.
Tensor reshaped(Tensor tensor, Shape shape);

}  // namespace vedette::convert
