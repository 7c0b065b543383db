#include "vedette/base/settings.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"

namespace vedette {
namespace {

std::string range_text(Range range) {
  const bool low = std::isfinite(range.min), high = std::isfinite(range.max);
  if (low && high) return fmt::format(" from {} to {}", range.min, range.max);
  if (low) return fmt::format(" of at least {}", range.min);
  if (high) return fmt::format(" of at most {}", range.max);
  return "";
}

/// Fields that are read from the entries of a YAML map.
class Reader final : public Fields {
 public:
  Reader(const ConfigNode& map, Faults& faults, const std::vector<std::string>& reserved) : faults_(faults) {
    levels_.push_back({&map, reserved, {}});
    require_map(map);
  }

  void finish() { report_unknown(levels_.back()); }

  void flag(std::string_view name, bool& value, std::string_view) override {
    read(name, [&](const ConfigNode& node) { value = node.as_bool(); });
  }
  void whole(std::string_view name, int64_t& value, std::string_view, Range range) override {
    read(name, [&](const ConfigNode& node) {
      value = node.as_int();
      check_range(node, name, static_cast<double>(value), range);
    });
  }
  void number(std::string_view name, double& value, std::string_view, Range range) override {
    read(name, [&](const ConfigNode& node) {
      value = node.as_float();
      check_range(node, name, value, range);
    });
  }
  void text(std::string_view name, std::string& value, std::string_view) override {
    read(name, [&](const ConfigNode& node) { value = node.as_string(); });
  }
  void texts(std::string_view name, std::vector<std::string>& value, std::string_view) override {
    read(name, [&](const ConfigNode& node) {
      value.clear();
      if (node.is_scalar()) {
        value.push_back(node.text());
        return;
      }
      require_list(node, name);
      for (const auto& item : node.items()) value.push_back(item.as_string());
    });
  }
  void rows(std::string_view name, std::vector<std::vector<double>>& value, size_t width, std::string_view) override {
    read(name, [&](const ConfigNode& node) {
      require_list(node, name);
      value.clear();
      for (const auto& item : node.items()) {
        if (!item.is_list() || item.items().size() != width)
          throw Error(ErrorCode::kInvalidConfig,
                      fmt::format("{}: each row of '{}' must be {} numbers", item.where(), name, width));
        auto& row = value.emplace_back();
        for (const auto& number : item.items()) row.push_back(number.as_float());
      }
    });
  }
  void pairs(std::string_view name, std::vector<std::pair<std::string, std::string>>& value,
             std::string_view) override {
    read(name, [&](const ConfigNode& node) {
      if (!node.is_map())
        throw Error(ErrorCode::kInvalidConfig, fmt::format("{}: '{}' must be a map", node.where(), name));
      value.clear();
      for (const auto& [key, item] : node.entries()) value.emplace_back(key, item.as_string());
    });
  }
  void check(const std::function<std::string()>& fault) override {
    if (const auto what = fault(); !what.empty()) faults_.add(*levels_.back().map, what);
  }

 protected:
  void choice_index(std::string_view name, size_t& chosen, const std::vector<std::string>& names,
                    std::string_view) override {
    read(name, [&](const ConfigNode& node) {
      const auto found = std::find(names.begin(), names.end(), node.as_string());
      if (found == names.end())
        throw Error(ErrorCode::kInvalidConfig, fmt::format("{}: '{}' cannot be '{}' ({})", node.where(), name,
                                                           node.text(), did_you_mean(node.text(), names)));
      chosen = static_cast<size_t>(found - names.begin());
    });
  }
  bool enter(std::string_view name, std::string_view) override {
    const ConfigNode* node = take(name);
    if (!node || !require_map(*node)) return false;
    levels_.push_back({node, {}, {}});
    return true;
  }
  size_t enter_list(std::string_view name, std::string_view, size_t size) override {
    const ConfigNode* node = take(name);
    if (!node) {
      lists_.push_back(nullptr);
      return levels_.back().map->find(name) ? 0 : size;
    }
    if (!node->is_list()) {
      faults_.add(*node, fmt::format("'{}' must be a list", name));
      lists_.push_back(nullptr);
      return 0;
    }
    lists_.push_back(node);
    return node->items().size();
  }
  void enter_item(size_t index) override {
    static const ConfigNode empty;
    const ConfigNode& item = lists_.back() ? lists_.back()->items()[index] : empty;
    if (lists_.back()) require_map(item);
    levels_.push_back({&item, {}, {}});
  }
  void leave() override {
    report_unknown(levels_.back());
    levels_.pop_back();
  }
  void leave_list() override { lists_.pop_back(); }

 private:
  struct Level {
    const ConfigNode* map;
    std::vector<std::string> reserved;
    std::vector<std::string> known;
  };

  const ConfigNode* take(std::string_view name) {
    levels_.back().known.emplace_back(name);
    const ConfigNode* node = levels_.back().map->find(name);
    if (node && node->is_null()) node = nullptr;
    if (take_required() && !node) faults_.add(*levels_.back().map, fmt::format("'{}' is missing", name));
    return node;
  }

  void read(std::string_view name, const std::function<void(const ConfigNode&)>& assign) {
    const ConfigNode* node = take(name);
    if (!node) return;
    try {
      assign(*node);
    } catch (const Error& e) {
      faults_.add(e.line());
    }
  }

  static void check_range(const ConfigNode& node, std::string_view name, double value, Range range) {
    if (value >= range.min && value <= range.max) return;
    throw Error(ErrorCode::kInvalidConfig,
                fmt::format("{}: '{}' must be a number{}, not {}", node.where(), name, range_text(range), value));
  }

  static void require_list(const ConfigNode& node, std::string_view name) {
    if (!node.is_list())
      throw Error(ErrorCode::kInvalidConfig, fmt::format("{}: '{}' must be a list", node.where(), name));
  }

  bool require_map(const ConfigNode& node) {
    if (node.is_map() || node.is_null()) return true;
    faults_.add(node, "expected a map of settings");
    return false;
  }

  void report_unknown(const Level& level) {
    for (const auto& [key, value] : level.map->entries()) {
      const auto has = [&k = key](const std::vector<std::string>& names) {
        return std::find(names.begin(), names.end(), k) != names.end();
      };
      if (has(level.known) || has(level.reserved)) continue;
      std::vector<std::string> valid = level.known;
      valid.insert(valid.end(), level.reserved.begin(), level.reserved.end());
      faults_.add(value, "unknown setting '" + key + "'", did_you_mean(key, valid));
    }
  }

  Faults& faults_;
  std::vector<Level> levels_;
  std::vector<const ConfigNode*> lists_;
};

/// Fields that are listed for the reference page.
class Lister final : public Fields {
 public:
  std::vector<FieldDoc> rows_listed;

  void flag(std::string_view name, bool& value, std::string_view doc) override {
    row(name, "true/false", value ? "true" : "false", doc);
  }
  void whole(std::string_view name, int64_t& value, std::string_view doc, Range range) override {
    row(name, "whole number" + range_text(range), std::to_string(value), doc);
  }
  void number(std::string_view name, double& value, std::string_view doc, Range range) override {
    row(name, "number" + range_text(range), fmt::format("{:.6g}", value), doc);
  }
  void text(std::string_view name, std::string& value, std::string_view doc) override { row(name, "text", value, doc); }
  void texts(std::string_view name, std::vector<std::string>& value, std::string_view doc) override {
    row(name, "list of text", fmt::format("[{}]", fmt::join(value, ", ")), doc);
  }
  void rows(std::string_view name, std::vector<std::vector<double>>&, size_t width, std::string_view doc) override {
    row(name, fmt::format("list of rows of {} numbers", width), "", doc);
  }
  void pairs(std::string_view name, std::vector<std::pair<std::string, std::string>>&, std::string_view doc) override {
    row(name, "map of text to text", "", doc);
  }
  void check(const std::function<std::string()>&) override {}

 protected:
  void choice_index(std::string_view name, size_t& chosen, const std::vector<std::string>& names,
                    std::string_view doc) override {
    row(name, fmt::format("one of {}", fmt::join(names, "|")), names[chosen], doc);
  }
  bool enter(std::string_view name, std::string_view) override {
    take_required();
    prefixes_.push_back(prefix() + std::string(name) + ".");
    return true;
  }
  size_t enter_list(std::string_view name, std::string_view doc, size_t) override {
    row(name, "list", "", doc);
    prefixes_.push_back(prefix() + std::string(name) + "[].");
    return 0;
  }
  void enter_item(size_t) override { prefixes_.push_back(prefix()); }
  void leave() override { prefixes_.pop_back(); }
  void leave_list() override { prefixes_.pop_back(); }
  bool lists_examples() const override { return true; }

 private:
  std::string prefix() const { return prefixes_.empty() ? std::string() : prefixes_.back(); }
  void row(std::string_view name, std::string type, std::string value, std::string_view doc) {
    const bool needed = take_required();
    rows_listed.push_back(
        {prefix() + std::string(name), std::move(type), needed ? "" : std::move(value), std::string(doc), needed});
  }

  std::vector<std::string> prefixes_;
};

}  // namespace

void read_settings(const ConfigNode& map, const std::function<void(Fields&)>& walk, Faults& faults,
                   const std::vector<std::string>& reserved) {
  Reader reader(map, faults, reserved);
  walk(reader);
  reader.finish();
}

std::vector<FieldDoc> list_settings(const std::function<void(Fields&)>& walk) {
  Lister lister;
  walk(lister);
  return std::move(lister.rows_listed);
}

}  // namespace vedette
