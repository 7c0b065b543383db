#include "vedette/convert/tfjs_model.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "vedette/base/error.h"

namespace vedette::convert {
namespace {

using nlohmann::json;

constexpr size_t kMostNodes = 50'000;
constexpr size_t kMostShards = 4'096;
constexpr int kMostLevels = 64;
constexpr size_t kMostNameBytes = 1'024;

[[noreturn]] void fail(const std::string& what, std::string hint = {}) {
  throw Error(ErrorCode::kInvalidData, "model.json: " + what, std::move(hint));
}

/// The member of an object, or null (also when `object` is no object).
const json* member(const json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

const json& need(const json& object, const char* key, json::value_t type, const std::string& where) {
  const json* found = member(object, key);
  if (found == nullptr) fail(fmt::format("{}: '{}' is missing", where, key));
  if (found->type() != type) fail(fmt::format("{}: '{}' is of the wrong type ({})", where, key, found->type_name()));
  return *found;
}

std::string need_text(const json& object, const char* key, const std::string& where) {
  auto text = need(object, key, json::value_t::string, where).get<std::string>();
  if (text.empty() || text.size() > kMostNameBytes) {
    fail(fmt::format("{}: '{}' must have 1 to {} bytes", where, key, kMostNameBytes));
  }
  return text;
}

const json& need_list(const json& object, const char* key, const std::string& where) {
  return need(object, key, json::value_t::array, where);
}

/// Whole numbers stand as numbers or, where they may exceed 2^53, as text.
int64_t whole(const json& value, const std::string& where) {
  if (value.is_number_integer()) {
    if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
      fail(where + ": a whole number is out of range");
    }
    return value.get<int64_t>();
  }
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) return number;
  }
  fail(where + ": expected a whole number");
}

std::string decode_base64(const std::string& text, const std::string& where) {
  std::string bytes;
  uint32_t bits = 0;
  int held = 0;
  size_t padding = 0;
  for (const char c : text) {
    uint32_t value = 0;
    if (c >= 'A' && c <= 'Z') {
      value = static_cast<uint32_t>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      value = static_cast<uint32_t>(c - 'a' + 26);
    } else if (c >= '0' && c <= '9') {
      value = static_cast<uint32_t>(c - '0' + 52);
    } else if (c == '+' || c == '-') {
      value = 62;
    } else if (c == '/' || c == '_') {
      value = 63;
    } else if (c == '=' && ++padding <= 2) {
      continue;
    } else {
      fail(where + ": not base64");
    }
    if (padding > 0) fail(where + ": not base64");
    bits = (bits << 6) | value;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes.push_back(static_cast<char>((bits >> held) & 0xff));
    }
  }
  return bytes;
}

/// Newer files hold base64, older ones an array of character codes.
std::string attribute_text(const json& value, const std::string& where) {
  if (value.is_string()) return decode_base64(value.get_ref<const std::string&>(), where);
  if (!value.is_array()) fail(where + ": expected base64 or a list of character codes");
  std::string text;
  for (const json& code : value) {
    const int64_t number = whole(code, where);
    if (number < 0 || number > 255) fail(where + ": a character code is not within 0 to 255");
    text.push_back(static_cast<char>(number));
  }
  return text;
}

TfAttribute read_attribute(const json& value, const std::string& where) {
  TfAttribute attribute;
  if (const json* s = member(value, "s")) attribute.s = attribute_text(*s, where);
  if (const json* i = member(value, "i")) attribute.i = whole(*i, where);
  if (const json* f = member(value, "f")) {
    if (!f->is_number()) fail(where + ": expected a number");
    attribute.f = f->get<double>();
  }
  if (const json* b = member(value, "b")) {
    if (!b->is_boolean()) fail(where + ": expected true or false");
    attribute.b = b->get<bool>();
  }
  if (const json* list = member(value, "list")) {
    if (const json* ints = member(*list, "i")) {
      if (!ints->is_array()) fail(where + ": expected a list");
      for (const json& number : *ints) attribute.ints.push_back(whole(number, where));
    }
  }
  return attribute;
}

TfNode read_node(const json& value, size_t position) {
  TfNode node;
  node.name = need_text(value, "name", fmt::format("node {}", position));
  const std::string where = fmt::format("node '{}'", node.name);
  node.op = need_text(value, "op", where);
  if (member(value, "input") != nullptr) {
    for (const json& input : need_list(value, "input", where)) {
      if (!input.is_string()) fail(where + ": an input is not text");
      if (auto ref = parse_ref(input.get_ref<const std::string&>())) node.inputs.push_back(std::move(*ref));
    }
  }
  if (const json* attributes = member(value, "attr")) {
    if (!attributes->is_object()) fail(where + ": 'attr' is no object");
    for (const auto& [name, attribute] : attributes->items()) {
      node.attributes.emplace(name, read_attribute(attribute, fmt::format("{}, attribute '{}'", where, name)));
    }
  }
  return node;
}

WeightSpec read_weight(const json& value, size_t position) {
  WeightSpec spec;
  spec.name = need_text(value, "name", fmt::format("weight {}", position));
  const std::string where = fmt::format("weight '{}'", spec.name);
  spec.dtype = need_text(value, "dtype", where);
  for (const json& size : need_list(value, "shape", where)) spec.shape.push_back(whole(size, where));
  if (const json* quantization = member(value, "quantization")) {
    spec.quantization.emplace();
    spec.quantization->dtype = need_text(*quantization, "dtype", where);
    for (auto [key, to] : {std::pair{"scale", &spec.quantization->scale}, std::pair{"min", &spec.quantization->min}}) {
      if (const json* number = member(*quantization, key)) {
        if (!number->is_number()) fail(fmt::format("{}: '{}' is no number", where, key));
        *to = number->get<double>();
      }
    }
  }
  weight_bytes(spec);
  return spec;
}

/// A shard lies beside model.json or below it; anything else is refused, whoever reads it.
std::string shard_path(const json& value) {
  if (!value.is_string()) fail("weightsManifest: a path is not text");
  auto path = value.get<std::string>();
  const bool leaves = path.empty() || path.front() == '/' || path.front() == '-' || path.size() > kMostNameBytes ||
                      path.find('\\') != std::string::npos || path.find('\0') != std::string::npos ||
                      ("/" + path + "/").find("/../") != std::string::npos;
  if (leaves) fail(fmt::format("weightsManifest: the path '{}' leaves the model's folder", path));
  return path;
}

json parse_json(std::string_view text) {
  if (text.size() > TfjsModel::kMostJsonBytes) {
    fail(fmt::format("{} bytes; at most {} are read", text.size(), TfjsModel::kMostJsonBytes));
  }
  const auto watch_depth = [](int depth, json::parse_event_t, json&) {
    if (depth > kMostLevels) fail(fmt::format("more than {} levels deep", kMostLevels));
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), watch_depth);
  } catch (const json::exception& error) {
    fail(fmt::format("not JSON: {}", error.what()), "is the file whole?");
  }
}

}  // namespace

std::optional<TfRef> parse_ref(std::string_view text) {
  if (text.empty() || text == "^" || text.size() > kMostNameBytes) fail("an input has no name");
  if (text.front() == '^') return std::nullopt;
  TfRef ref{std::string(text), 0};
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return ref;
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ref.output);
  if (error != std::errc{} || end != digits.data() + digits.size() || ref.output < 0 || colon == 0) {
    fail(fmt::format("'{}' names no output", text));
  }
  ref.node = text.substr(0, colon);
  return ref;
}

TfjsModel TfjsModel::parse(std::string_view model_json) {
  const json document = parse_json(model_json);
  if (!document.is_object()) fail("not an object");
  if (const json* format = member(document, "format"); format != nullptr && *format != "graph-model") {
    fail(fmt::format("the format is {}; only \"graph-model\" is supported",
                     format->dump(-1, ' ', true, json::error_handler_t::replace)),
         "convert a layers model with the Python converter first");
  }
  TfjsModel model;
  const json& nodes =
      need_list(need(document, "modelTopology", json::value_t::object, "document"), "node", "modelTopology");
  if (nodes.size() > kMostNodes) fail(fmt::format("{} nodes; at most {} are read", nodes.size(), kMostNodes));
  for (const json& node : nodes) model.add_node(read_node(node, model.nodes_.size()));

  size_t bytes = 0;
  size_t weights = 0;
  size_t shards = 0;
  for (const json& value : need_list(document, "weightsManifest", "document")) {
    Group& group = model.groups_.emplace_back();
    for (const json& path : need_list(value, "paths", "weightsManifest")) group.paths.push_back(shard_path(path));
    for (const json& weight : need_list(value, "weights", "weightsManifest")) {
      if (++weights > kMostNodes) fail(fmt::format("more than {} weights", kMostNodes));
      bytes += weight_bytes(group.weights.emplace_back(read_weight(weight, weights)));
      if (bytes > kMostWeightBytes) fail(fmt::format("more than {} bytes of weights", kMostWeightBytes));
    }
    shards += group.paths.size();
    if (shards > kMostShards) fail(fmt::format("more than {} weight files", kMostShards));
  }
  return model;
}

std::vector<std::string> TfjsModel::shards() const {
  std::vector<std::string> paths;
  for (const Group& group : groups_) paths.insert(paths.end(), group.paths.begin(), group.paths.end());
  return paths;
}

void TfjsModel::load_weights(const ReadShard& read) {
  for (const Group& group : groups_) {
    size_t expected = 0;
    for (const WeightSpec& spec : group.weights) expected += weight_bytes(spec);
    // Weights may straddle shards, so they are joined before they are cut.
    std::string joined;
    joined.reserve(expected);
    for (const std::string& path : group.paths) joined += read(path, expected - std::min(expected, joined.size()) + 1);
    if (joined.size() != expected) {
      throw Error(ErrorCode::kInvalidData,
                  fmt::format("weight files {}: {} bytes, but the manifest describes {}", fmt::join(group.paths, ", "),
                              joined.size() > expected ? fmt::format("more than {}", expected)
                                                       : fmt::format("{}", joined.size()),
                              expected),
                  "the download is cut short or the files are of another model; fetch them again");
    }
    std::span<const std::byte> rest = std::as_bytes(std::span(joined));
    for (const WeightSpec& spec : group.weights) {
      const size_t size = weight_bytes(spec);
      constants_.insert_or_assign(spec.name, decode_weight(spec, rest.first(size)));
      rest = rest.subspan(size);
    }
  }
}

const TfNode* TfjsModel::find(std::string_view name) const {
  const auto it = index_.find(std::string(name));
  return it == index_.end() ? nullptr : &nodes_[it->second];
}

const Tensor* TfjsModel::constant(std::string_view name) const {
  const auto it = constants_.find(std::string(name));
  return it == constants_.end() ? nullptr : &it->second;
}

void TfjsModel::set_constant(const std::string& name, Tensor tensor) {
  const auto it = constants_.find(name);
  if (it == constants_.end()) {
    throw Error(ErrorCode::kInvalidData, fmt::format("the model has no constant '{}'", name),
                "the recipe is for another model");
  }
  it->second = std::move(tensor);
}

void TfjsModel::add_constant(const std::string& name, Tensor tensor) {
  add_node({name, "Const", {}, {}});
  constants_.insert_or_assign(name, std::move(tensor));
}

void TfjsModel::add_node(TfNode node) {
  if (!index_.emplace(node.name, nodes_.size()).second) fail(fmt::format("two nodes are named '{}'", node.name));
  nodes_.push_back(std::move(node));
}

size_t TfjsModel::weight_count() const {
  size_t count = 0;
  for (const Group& group : groups_) count += group.weights.size();
  return count;
}

}  // namespace vedette::convert
