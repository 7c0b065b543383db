#include "vedette/convert/weights.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "vedette/base/error.h"

namespace vedette::convert {
namespace {

static_assert(std::endian::native == std::endian::little, "weights are read as they lie in memory");

[[noreturn]] void fail(const WeightSpec& spec, const std::string& what) {
  throw Error(ErrorCode::kInvalidData, fmt::format("weight '{}': {}", spec.name, what));
}

/// The type in which the elements are stored.
const std::string& stored_type(const WeightSpec& spec) {
  return spec.quantization ? spec.quantization->dtype : spec.dtype;
}

size_t element_bytes(const WeightSpec& spec) {
  const std::string& type = stored_type(spec);
  if (spec.quantization && spec.dtype != "float32") fail(spec, fmt::format("'{}' may not be quantized", spec.dtype));
  if (spec.quantization && type != "float16" && type != "uint8" && type != "uint16") {
    fail(spec, fmt::format("unknown quantization '{}' (one of: float16, uint8, uint16)", type));
  }
  if (type == "float32" || type == "int32") return 4;
  if (type == "float16" || type == "uint16") return 2;
  if (type == "uint8" || type == "bool") return 1;
  fail(spec, fmt::format("unsupported type '{}' (one of: float32, int32, uint8, bool)", type));
}

template <typename From, typename To, typename Function>
std::vector<To> map_elements(std::span<const std::byte> bytes, Function&& function) {
  std::vector<To> values(bytes.size() / sizeof(From));
  for (size_t i = 0; i < values.size(); ++i) {
    From raw;
    std::memcpy(&raw, bytes.data() + i * sizeof(From), sizeof(From));
    values[i] = static_cast<To>(function(raw));
  }
  return values;
}

}  // namespace

float float16_to_float(uint16_t half) {
  const int exponent = (half >> 10) & 0x1f;
  const auto mantissa = static_cast<float>(half & 0x3ff);
  const float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 0x1f) return mantissa == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(mantissa + 1024.0F, exponent - 25);
}

size_t weight_bytes(const WeightSpec& spec) {
  const size_t each = element_bytes(spec);
  try {
    return each * static_cast<size_t>(element_count(spec.shape));
  } catch (const Error& error) {
    fail(spec, error.what());
  }
}

Tensor decode_weight(const WeightSpec& spec, std::span<const std::byte> bytes) {
  VEDETTE_ASSERT(bytes.size() == weight_bytes(spec));
  Tensor tensor;
  tensor.shape = spec.shape;
  const std::string& type = stored_type(spec);
  const auto as_is = [](auto value) { return value; };
  if (spec.quantization && type != "float16") {
    const auto restore = [&](auto value) { return value * spec.quantization->scale + spec.quantization->min; };
    tensor.values =
        type == "uint8" ? map_elements<uint8_t, float>(bytes, restore) : map_elements<uint16_t, float>(bytes, restore);
  } else if (type == "float16") {
    tensor.values = map_elements<uint16_t, float>(bytes, float16_to_float);
  } else if (type == "float32") {
    tensor.values = map_elements<float, float>(bytes, as_is);
  } else if (type == "int32") {
    tensor.values = map_elements<int32_t, int64_t>(bytes, as_is);
  } else {
    tensor.values = map_elements<uint8_t, int64_t>(bytes, as_is);
  }
  return tensor;
}

}  // namespace vedette::convert
