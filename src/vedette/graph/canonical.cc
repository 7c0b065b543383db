#include "vedette/graph/canonical.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

namespace vedette::graph {
namespace {

nlohmann::json scalar(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return text;
  if (number == std::floor(number) && std::abs(number) < 1e15) return static_cast<int64_t>(number);
  return number;
}

using Defaults = std::map<std::string, nlohmann::json, std::less<>>;

nlohmann::json value_of(const ConfigNode& node, const std::string& path, const Defaults& defaults,
                        const std::vector<std::string>& without);

nlohmann::json map_of(const ConfigNode& node, const std::string& prefix, const Defaults& defaults,
                      const std::vector<std::string>& without) {
  nlohmann::json map = nlohmann::json::object();
  for (const auto& [key, entry] : node.entries()) {
    if (std::find(without.begin(), without.end(), key) != without.end()) continue;
    const std::string path = prefix + key;
    auto value = value_of(entry, path, defaults, {});
    const auto found = defaults.find(path);
    const bool is_default = found != defaults.end() && found->second == value;
    if (!is_default && !(entry.is_map() && value.empty())) map[key] = std::move(value);
  }
  return map;
}

nlohmann::json value_of(const ConfigNode& node, const std::string& path, const Defaults& defaults,
                        const std::vector<std::string>& without) {
  switch (node.kind()) {
    case ConfigNode::Kind::kNull: return nullptr;
    case ConfigNode::Kind::kScalar: return node.quoted() ? nlohmann::json(node.text()) : scalar(node.text());
    case ConfigNode::Kind::kMap: return map_of(node, path.empty() ? "" : path + ".", defaults, without);
    case ConfigNode::Kind::kList: break;
  }
  nlohmann::json list = nlohmann::json::array();
  for (const auto& item : node.items()) list.push_back(value_of(item, "[]", {}, {}));
  return list;
}

}  // namespace

std::string canonical_json(const ConfigNode& map, const std::vector<std::string>& without,
                           const std::vector<FieldDoc>& defaults) {
  Defaults known;
  for (const auto& field : defaults)
    if (!field.required && !field.default_value.empty()) known[field.name] = scalar(field.default_value);
  return map_of(map, "", known, without).dump();
}

}  // namespace vedette::graph
