#include "vedette/convert/tensor.h"

#include <fmt/format.h>

#include "vedette/base/error.h"

namespace vedette::convert {
namespace {

constexpr size_t kMostAxes = 8;

template <typename T>
std::vector<T> transpose_values(const std::vector<T>& from, const Shape& shape, const std::vector<int>& order) {
  const size_t rank = shape.size();
  std::vector<int64_t> stride(rank, 1);
  for (size_t i = rank; i-- > 1;) stride[i - 1] = stride[i] * shape[i];
  std::vector<int64_t> at(rank, 0);
  std::vector<T> to(from.size());
  for (T& value : to) {
    int64_t offset = 0;
    for (size_t i = 0; i < rank; ++i) offset += at[i] * stride[static_cast<size_t>(order[i])];
    value = from[static_cast<size_t>(offset)];
    for (size_t i = rank; i-- > 0;) {
      if (++at[i] < shape[static_cast<size_t>(order[i])]) break;
      at[i] = 0;
    }
  }
  return to;
}

}  // namespace

int64_t element_count(const Shape& shape) {
  if (shape.size() > kMostAxes) {
    throw Error(ErrorCode::kInvalidData,
                fmt::format("a tensor of {} axes; at most {} are supported", shape.size(), kMostAxes));
  }
  int64_t count = 1;
  bool none = false;
  for (const int64_t size : shape) {
    if (size < 0 || size > kMostElements || (size > 0 && count > kMostElements / size)) {
      throw Error(ErrorCode::kInvalidData, fmt::format("a tensor of shape {} is negative or larger than {} elements",
                                                       to_string(shape), kMostElements));
    }
    none = none || size == 0;
    count *= size > 0 ? size : 1;
  }
  return none ? 0 : count;
}

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ",")); }

Tensor transposed(const Tensor& from, const std::vector<int>& order) {
  VEDETTE_ASSERT(order.size() == from.shape.size());
  Tensor to;
  for (const int axis : order) to.shape.push_back(from.shape[static_cast<size_t>(axis)]);
  std::visit([&](const auto& values) { to.values = transpose_values(values, from.shape, order); }, from.values);
  return to;
}

Tensor reshaped(Tensor tensor, Shape shape) {
  VEDETTE_ASSERT(element_count(tensor.shape) == element_count(shape));
  tensor.shape = std::move(shape);
  return tensor;
}

}  // namespace vedette::convert
