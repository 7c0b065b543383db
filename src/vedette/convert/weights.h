#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "vedette/convert/tensor.h"

namespace vedette::convert {

/// How the numbers of a weight were made smaller.
struct WeightQuantization {
  std::string dtype;  ///< "float16", or "uint8" | "uint16" with value = q · scale + min
  double scale = 1;
  double min = 0;
};

/// How the weights manifest of a TensorFlow.js model describes the bytes of one weight.
struct WeightSpec {
  using Quantization = WeightQuantization;

  std::string name;
  std::string dtype;  ///< "float32", "int32", "uint8" or "bool"
  Shape shape;
  std::optional<Quantization> quantization;
};

/// Bytes the weight takes in the joined shards. Throws Error(kInvalidData) naming the weight for an unknown type or a
/// bad shape.
size_t weight_bytes(const WeightSpec& spec);

/// Decodes one weight from exactly weight_bytes(spec) little-endian bytes.
Tensor decode_weight(const WeightSpec& spec, std::span<const std::byte> bytes);

/// IEEE 754 binary16 to binary32, subnormals, infinities and NaN included.
float float16_to_float(uint16_t half);

}  // namespace vedette::convert
