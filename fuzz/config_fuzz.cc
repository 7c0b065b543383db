// Any YAML document: it is read whole or refused with a message, and every value has a place.
// seeds: apps/*.yaml models/*.yaml
#include <cstdlib>
#include <string_view>

#include "vedette/base/config.h"
#include "vedette/base/error.h"

namespace {

void visit(const vedette::ConfigNode& node) {
  if (node.where().rfind("fuzz", 0) != 0) std::abort();
  if (node.is_scalar()) {
    try {
      node.as_float();
    } catch (const vedette::Error&) {
    }
    try {
      node.as_int();
    } catch (const vedette::Error&) {
    }
  }
  for (const auto& item : node.items()) visit(item);
  for (const auto& [key, value] : node.entries()) {
    if (node.find(key) != &value) std::abort();  // keys are unique
    visit(value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    visit(vedette::parse_config(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz"));
  } catch (const vedette::Error& e) {
    if (e.code() != vedette::ErrorCode::kInvalidConfig) std::abort();
  }
  return 0;
}
