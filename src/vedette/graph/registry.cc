#include "vedette/graph/registry.h"

#include <map>

#include "vedette/base/error.h"

namespace vedette::graph {
namespace {

std::map<std::string, ModuleType, std::less<>>& registry() {
  static std::map<std::string, ModuleType, std::less<>> types;
  return types;
}

}  // namespace

const ModuleType* find_module_type(std::string_view type) {
  const auto found = registry().find(type);
  return found == registry().end() ? nullptr : &found->second;
}

std::vector<const ModuleType*> module_types() {
  std::vector<const ModuleType*> types;
  for (const auto& [name, type] : registry()) types.push_back(&type);
  return types;
}

void register_module_type(ModuleType type) {
  std::string name = type.traits.type;
  const bool is_new = registry().emplace(std::move(name), std::move(type)).second;
  VEDETTE_ASSERT(is_new);
}

}  // namespace vedette::graph
