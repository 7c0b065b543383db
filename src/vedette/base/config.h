#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vedette {

/// One value of a YAML document with the place it was read from. The whole document is read at once into this tree:
/// duplicate keys, depth and size are checked there, so nothing later has to.
///
/// Limits: 4 MiB of text, 64 levels, 100,000 nodes after aliases are followed.
class ConfigNode {
 public:
  enum class Kind { kNull, kScalar, kList, kMap };
  using Entry = std::pair<std::string, ConfigNode>;

  ConfigNode() = default;
  /// A scalar that no file holds, such as a `--set` value; `origin` names it in messages ("--set detect.score").
  static ConfigNode scalar(std::string text, std::string origin);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_scalar() const { return kind_ == Kind::kScalar; }
  bool is_list() const { return kind_ == Kind::kList; }
  bool is_map() const { return kind_ == Kind::kMap; }

  const std::string& text() const { return text_; }                     ///< of a scalar
  bool quoted() const { return quoted_; }  ///< the scalar stood in quotes: a string, never a number
  const std::vector<ConfigNode>& items() const { return items_; }  ///< of a list
  const std::vector<Entry>& entries() const { return entries_; }  ///< of a map, in file order
  const ConfigNode* find(std::string_view key) const;  ///< of a map; null when absent
  void set(const std::string& key, ConfigNode value);  ///< adds or replaces an entry; makes a null node a map
  void push(ConfigNode value);  ///< adds an item; makes a null node a list
  ConfigNode* find(std::string_view key);
  std::vector<ConfigNode>& items() { return items_; }

  /// "file:line" (or the origin) for messages.
  std::string where() const;
  /// The text as a bool, an integer or a float. Throws Error(kInvalidConfig) naming where and what was expected.
  bool as_bool() const;
  int64_t as_int() const;
  double as_float() const;
  const std::string& as_string() const;

  /// Where the key of a map entry stands; falls back to the value's place.
  int line() const { return line_; }

  friend ConfigNode parse_config(std::string_view text, const std::string& origin);
  friend class ConfigBuilder;

 private:
  Kind kind_ = Kind::kNull;
  bool quoted_ = false;
  int line_ = 0;
  std::shared_ptr<const std::string> origin_;
  std::string text_;
  std::vector<ConfigNode> items_;
  std::vector<Entry> entries_;
};

/// Reads one YAML document. `origin` is the file's name in messages.
/// Throws Error(kInvalidConfig) with origin:line for a syntax error, a duplicate key or a breached limit.
ConfigNode parse_config(std::string_view text, const std::string& origin);

/// Reads a YAML file. Throws Error(kNotFound | kPermissionDenied | kInvalidConfig).
ConfigNode load_config(const std::string& path);

/// Collects every fault of a document so that all are reported at once.
class Faults {
 public:
  void add(const ConfigNode& at, const std::string& what, const std::string& hint = {});
  void add(std::string line);
  bool empty() const { return lines_.empty(); }
  const std::vector<std::string>& lines() const { return lines_; }
  /// Throws Error(kInvalidConfig) with all lines, one fault a line; does nothing when there is none.
  void throw_if_any() const;

 private:
  std::vector<std::string> lines_;
};

}  // namespace vedette
