#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vedette/base/config.h"

namespace vedette {

/// Inclusive limits of a number.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

/// One line of a settings struct's reference page.
struct FieldDoc {
  std::string name;           ///< dotted for nested structs: "queue.size"; "zones[].name" within lists
  std::string type;           ///< "number", "whole number", "text", "true/false", "list of text", "one of a|b|c", …
  std::string default_value;  ///< as YAML; empty when the field is required or has no default
  std::string doc;
  bool required = false;
};

/// Walks the fields of a typed settings struct. A struct takes part by having
///
///   void fields(Fields& f) {
///     f.number("score", score, "least score of an object", {0, 1});
///     f.required().text("model", model, "name of a model card, or a path to one");
///   }
///
/// The same walk reads the struct from YAML, checks it, lists it for the documentation and writes it in canonical form.
class Fields {
 public:
  virtual ~Fields() = default;

  /// The next field must be given.
  Fields& required() {
    required_ = true;
    return *this;
  }

  virtual void flag(std::string_view name, bool& value, std::string_view doc) = 0;
  virtual void whole(std::string_view name, int64_t& value, std::string_view doc, Range range) = 0;
  virtual void number(std::string_view name, double& value, std::string_view doc, Range range) = 0;
  virtual void text(std::string_view name, std::string& value, std::string_view doc) = 0;
  virtual void texts(std::string_view name, std::vector<std::string>& value, std::string_view doc) = 0;
  /// A list of rows of `width` numbers each, such as the points of a polygon.
  virtual void rows(std::string_view name, std::vector<std::vector<double>>& value, size_t width,
                    std::string_view doc) = 0;
  /// A map of text to text.
  virtual void pairs(std::string_view name, std::vector<std::pair<std::string, std::string>>& value,
                     std::string_view doc) = 0;

  void whole(std::string_view name, int& value, std::string_view doc, Range range = {}) {
    int64_t wide = value;
    const Range fits{std::max(range.min, -2147483648.0), std::min(range.max, 2147483647.0)};
    whole(name, wide, doc, fits);
    value = static_cast<int>(wide);
  }
  void number(std::string_view name, float& value, std::string_view doc, Range range = {}) {
    double wide = value;
    number(name, wide, doc, range);
    value = static_cast<float>(wide);
  }
  void number(std::string_view name, double& value, std::string_view doc) { number(name, value, doc, Range{}); }

  /// An enumeration by name.
  template <typename E>
  void choice(std::string_view name, E& value, const std::vector<std::pair<std::string, E>>& choices,
              std::string_view doc) {
    std::vector<std::string> names;
    size_t chosen = 0;
    for (const auto& [word, meaning] : choices) {
      if (meaning == value) chosen = names.size();
      names.push_back(word);
    }
    choice_index(name, chosen, names, doc);
    value = choices[chosen].second;
  }

  /// A nested struct with fields of its own.
  template <typename S>
  void group(std::string_view name, S& value, std::string_view doc) {
    if (enter(name, doc)) {
      value.fields(*this);
      leave();
    }
  }

  /// A list of structs with fields of their own.
  template <typename S>
  void groups(std::string_view name, std::vector<S>& values, std::string_view doc) {
    const size_t count = enter_list(name, doc, values.size());
    values.resize(count);
    for (size_t i = 0; i < count; ++i) {
      enter_item(i);
      values[i].fields(*this);
      leave();
    }
    if (lists_examples()) {
      S example;
      enter_item(0);
      example.fields(*this);
      leave();
    }
    leave_list();
  }

  /// A check over several fields. While reading, a non-empty result becomes a fault at the struct's place.
  virtual void check(const std::function<std::string()>& fault) = 0;

 protected:
  virtual void choice_index(std::string_view name, size_t& chosen, const std::vector<std::string>& names,
                            std::string_view doc) = 0;
  virtual bool enter(std::string_view name, std::string_view doc) = 0;
  virtual size_t enter_list(std::string_view name, std::string_view doc, size_t size) = 0;
  virtual void enter_item(size_t index) = 0;
  virtual void leave() = 0;
  virtual void leave_list() = 0;
  virtual bool lists_examples() const { return false; }

  bool take_required() { return std::exchange(required_, false); }

 private:
  bool required_ = false;
};

/// Reads a struct from a map, leaving absent fields at their defaults. Every fault (unknown key with the nearest valid
/// one, wrong type, out of range, missing) is added to `faults`; the struct is usable only when none was added. Keys in
/// `reserved` are not the struct's and are passed over.
void read_settings(const ConfigNode& map, const std::function<void(Fields&)>& walk, Faults& faults,
                   const std::vector<std::string>& reserved = {});

template <typename S>
S read_settings(const ConfigNode& map, Faults& faults, const std::vector<std::string>& reserved = {}) {
  S settings;
  read_settings(map, [&](Fields& f) { settings.fields(f); }, faults, reserved);
  return settings;
}

/// The reference rows of a struct, with the defaults that its members have.
std::vector<FieldDoc> list_settings(const std::function<void(Fields&)>& walk);

template <typename S>
std::vector<FieldDoc> list_settings() {
  S settings;
  return list_settings([&](Fields& f) { settings.fields(f); });
}

}  // namespace vedette
