#include "vedette/base/config.h"

#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include "vedette/base/error.h"

namespace vedette {
namespace {

constexpr size_t kLargestText = 4 << 20;
constexpr int kDeepest = 64;
constexpr size_t kMostNodes = 100'000;

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::kInvalidConfig, where + ": " + what);
}

/// yaml-cpp parses recursively; refuse text whose brackets or indentation nest too deep before it can exhaust the
/// stack.
void check_nesting(std::string_view text, const std::string& origin) {
  int flow = 0;
  int line = 1;
  size_t dashes = 0;
  bool at_start = true;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      at_start = true;
      dashes = 0;
      continue;
    }
    if (c == '[' || c == '{') ++flow;
    if ((c == ']' || c == '}') && flow > 0) --flow;
    if (at_start && (c == '-' || c == '?' || c == ':')) ++dashes;
    if (at_start && c != ' ' && c != '-' && c != '?' && c != ':') at_start = false;
    if (flow > kDeepest || dashes > static_cast<size_t>(kDeepest))
      refuse(origin + ":" + std::to_string(line), "nested deeper than 64 levels");
  }
}

}  // namespace

class ConfigBuilder {
 public:
  explicit ConfigBuilder(const std::string& origin) : origin_(std::make_shared<const std::string>(origin)) {}

  ConfigNode build(const YAML::Node& from, int depth, int key_line) {
    ConfigNode to;
    to.origin_ = origin_;
    to.line_ = from.Mark().line >= 0 ? from.Mark().line + 1 : key_line;
    if (depth > kDeepest) refuse(to.where(), "nested deeper than 64 levels");
    if (++nodes_ > kMostNodes) refuse(to.where(), "more than 100,000 values");
    switch (from.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null: to.line_ = key_line; break;
      case YAML::NodeType::Scalar:
        to.kind_ = ConfigNode::Kind::kScalar;
        to.text_ = from.Scalar();
        to.quoted_ = from.Tag() == "!";
        break;
      case YAML::NodeType::Sequence:
        to.kind_ = ConfigNode::Kind::kList;
        for (const auto& item : from) to.items_.push_back(build(item, depth + 1, to.line_));
        break;
      case YAML::NodeType::Map:
        to.kind_ = ConfigNode::Kind::kMap;
        add_entries(from, to, depth);
        break;
    }
    return to;
  }

 private:
  void add_entries(const YAML::Node& from, ConfigNode& to, int depth) {
    std::set<std::string> seen;
    for (const auto& entry : from) {
      const int line = entry.first.Mark().line + 1;
      const std::string place = *origin_ + ":" + std::to_string(line);
      if (!entry.first.IsScalar()) refuse(place, "a key must be a plain word");
      const std::string& key = entry.first.Scalar();
      if (!seen.insert(key).second) refuse(place, "the key '" + key + "' stands twice");
      to.entries_.emplace_back(key, build(entry.second, depth + 1, line));
      if (to.entries_.size() == 1) to.line_ = line;
    }
  }

  std::shared_ptr<const std::string> origin_;
  size_t nodes_ = 0;
};

ConfigNode ConfigNode::scalar(std::string text, std::string origin) {
  ConfigNode node;
  node.kind_ = Kind::kScalar;
  node.text_ = std::move(text);
  node.origin_ = std::make_shared<const std::string>(std::move(origin));
  return node;
}

const ConfigNode* ConfigNode::find(std::string_view key) const {
  for (const auto& [name, value] : entries_)
    if (name == key) return &value;
  return nullptr;
}

ConfigNode* ConfigNode::find(std::string_view key) { return const_cast<ConfigNode*>(std::as_const(*this).find(key)); }

void ConfigNode::push(ConfigNode value) {
  if (kind_ == Kind::kNull) {
    kind_ = Kind::kList;
    if (!origin_) origin_ = value.origin_;
  }
  VEDETTE_ASSERT(is_list());
  items_.push_back(std::move(value));
}

void ConfigNode::set(const std::string& key, ConfigNode value) {
  if (kind_ == Kind::kNull) {
    kind_ = Kind::kMap;
    if (!origin_) origin_ = value.origin_;
  }
  VEDETTE_ASSERT(is_map());
  for (auto& [name, old] : entries_) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  entries_.emplace_back(key, std::move(value));
}

std::string ConfigNode::where() const {
  const std::string origin = origin_ ? *origin_ : "(no file)";
  return line_ > 0 ? origin + ":" + std::to_string(line_) : origin;
}

bool ConfigNode::as_bool() const {
  if (is_scalar() && !quoted_) {
    if (text_ == "true" || text_ == "yes" || text_ == "on") return true;
    if (text_ == "false" || text_ == "no" || text_ == "off") return false;
  }
  refuse(where(), "expected true or false" + (is_scalar() ? ", not '" + text_ + "'" : std::string()));
}

int64_t ConfigNode::as_int() const {
  int64_t value = 0;
  const char* end = text_.data() + text_.size();
  if (is_scalar() && !quoted_) {
    const auto [stop, error] = std::from_chars(text_.data(), end, value);
    if (error == std::errc{} && stop == end) return value;
  }
  refuse(where(), "expected a whole number" + (is_scalar() ? ", not '" + text_ + "'" : std::string()));
}

double ConfigNode::as_float() const {
  double value = 0;
  const char* end = text_.data() + text_.size();
  if (is_scalar() && !quoted_) {
    const auto [stop, error] = std::from_chars(text_.data(), end, value);
    if (error == std::errc{} && stop == end && std::isfinite(value)) return value;
  }
  refuse(where(), "expected a number" + (is_scalar() ? ", not '" + text_ + "'" : std::string()));
}

const std::string& ConfigNode::as_string() const {
  if (!is_scalar()) refuse(where(), "expected a single value");
  return text_;
}

ConfigNode parse_config(std::string_view text, const std::string& origin) {
  if (text.size() > kLargestText) refuse(origin, "larger than 4 MiB");
  check_nesting(text, origin);
  try {
    return ConfigBuilder(origin).build(YAML::Load(std::string(text)), 0, 1);
  } catch (const YAML::Exception& e) {
    refuse(origin + ":" + std::to_string(e.mark.line + 1), "not valid YAML: " + e.msg);
  }
}

ConfigNode load_config(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_errno(errno, "cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad() || text.fail()) throw Error(ErrorCode::kInvalidConfig, path + ": not a readable YAML file");
  return parse_config(text.str(), path);
}

void Faults::add(const ConfigNode& at, const std::string& what, const std::string& hint) {
  add(at.where() + ": " + what + (hint.empty() ? "" : " (" + hint + ")"));
}

void Faults::add(std::string line) { lines_.push_back(std::move(line)); }

void Faults::throw_if_any() const {
  if (!lines_.empty()) throw Error(ErrorCode::kInvalidConfig, fmt::format("{}", fmt::join(lines_, "\n")));
}

}  // namespace vedette
