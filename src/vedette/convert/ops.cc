#include "vedette/convert/ops.h"

#include <fmt/format.h>

#include "vedette/base/error.h"

namespace vedette::convert {

void OpContext::fail(const std::string& what) const {
  throw Error(ErrorCode::kInvalidData, fmt::format("cannot convert node '{}' ({}): {}", name(), op(), what));
}

const Value& OpContext::input(size_t i) const {
  if (i >= inputs_.size()) fail(fmt::format("it has {} inputs, {} are needed", inputs_.size(), i + 1));
  return inputs_[i];
}

const Value& OpContext::input(size_t i, size_t rank) const {
  const Value& value = input(i);
  if (value.rank() != rank)
    fail(fmt::format("input {} has shape {}, expected {} axes", i, to_string(value.shape), rank));
  return value;
}

const std::vector<int64_t>& OpContext::ints(size_t i) const {
  const Value& value = input(i);
  if (!value.is_constant() || value.constant->is_float())
    fail(fmt::format("input {} must be a constant of whole numbers", i));
  return value.constant->ints();
}

const std::vector<float>& OpContext::floats(size_t i) const {
  const Value& value = input(i);
  if (!value.is_constant() || !value.constant->is_float())
    fail(fmt::format("input {} must be a constant of floats", i));
  return value.constant->floats();
}

int OpContext::axis(int64_t axis, size_t rank) const {
  const auto count = static_cast<int64_t>(rank);
  if (axis < -count || axis >= count) fail(fmt::format("there is no axis {} among {}", axis, rank));
  return static_cast<int>(axis < 0 ? axis + count : axis);
}

int OpContext::axis_input(size_t i, size_t rank) const {
  const std::vector<int64_t>& values = ints(i);
  if (values.size() != 1) fail("expected one axis");
  return axis(values.front(), rank);
}

const TfAttribute* OpContext::attribute(std::string_view key) const {
  const auto it = node_.attributes.find(key);
  return it == node_.attributes.end() ? nullptr : &it->second;
}

int64_t OpContext::attr_int(std::string_view key, int64_t otherwise) const {
  const TfAttribute* found = attribute(key);
  return found != nullptr ? found->i.value_or(otherwise) : otherwise;
}

float OpContext::attr_float(std::string_view key, float otherwise) const {
  const TfAttribute* found = attribute(key);
  return found != nullptr ? static_cast<float>(found->f.value_or(otherwise)) : otherwise;
}

bool OpContext::attr_bool(std::string_view key, bool otherwise) const {
  const TfAttribute* found = attribute(key);
  return found != nullptr ? found->b.value_or(otherwise) : otherwise;
}

std::string OpContext::attr_text(std::string_view key, std::string otherwise) const {
  const TfAttribute* found = attribute(key);
  return found != nullptr ? found->s.value_or(std::move(otherwise)) : otherwise;
}

std::vector<int64_t> OpContext::attr_ints(std::string_view key) const {
  const TfAttribute* found = attribute(key);
  return found != nullptr ? found->ints : std::vector<int64_t>{};
}

OpHandler find_op(std::string_view op) {
  for (const auto table : {elementwise_ops(), spatial_ops(), shape_ops()}) {
    for (const OpEntry& entry : table) {
      if (entry.op == op) return entry.handler;
    }
  }
  return nullptr;
}

}  // namespace vedette::convert
