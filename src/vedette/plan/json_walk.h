#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vedette::plan {

/// Walks the members of a struct, either to write it as JSON or to fill it from JSON. A struct takes part by a function
///
///   void walk(JsonWalk& w, Thing& thing) { w.member("size", thing.size); }
///
/// found by argument-dependent look-up. Reading leaves members that the text does not have, or has as null, as they
/// are, and passes over keys that no member has. Numbers that are none (NaN, infinity) are written as null.
class JsonWalk {
 public:
  virtual ~JsonWalk() = default;

  virtual void member(const char* name, bool& value) = 0;
  virtual void member(const char* name, int& value) = 0;
  virtual void member(const char* name, uint64_t& value) = 0;
  virtual void member(const char* name, double& value) = 0;
  virtual void member(const char* name, std::string& value) = 0;
  virtual void member(const char* name, std::vector<std::string>& value) = 0;
  virtual void member(const char* name, std::map<std::string, std::string>& value) = 0;
  virtual void member(const char* name, std::map<std::string, uint64_t>& value) = 0;
  virtual void member(const char* name, std::map<std::string, double>& value) = 0;
  virtual void member(const char* name, std::map<std::string, std::vector<std::string>>& value) = 0;

  /// An enumeration, whose values count from 0, by name.
  template <typename E>
  void choice(const char* name, E& value, const std::vector<std::string_view>& words) {
    auto index = static_cast<size_t>(value);
    choice_index(name, index, words);
    value = static_cast<E>(index);
  }
  template <typename S>
  void group(const char* name, S& value) {
    if (!enter(name)) return;
    walk(*this, value);
    leave();
  }
  template <typename S>
  void list(const char* name, std::vector<S>& values) {
    values.resize(enter_list(name, values.size()));
    for (size_t i = 0; i < values.size(); ++i) {
      enter_item(i);
      walk(*this, values[i]);
      leave();
    }
    leave();
  }
  template <typename S>
  void table(const char* name, std::map<std::string, S>& values) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : values) keys.push_back(key);
    enter_table(name, keys);
    for (const auto& key : keys) {
      if (!enter(key.c_str())) continue;
      walk(*this, values[key]);
      leave();
    }
    leave();
  }

 protected:
  virtual void choice_index(const char* name, size_t& index, const std::vector<std::string_view>& words) = 0;
  virtual bool enter(const char* name) = 0;  ///< false: there is none, and nothing to leave
  virtual size_t enter_list(const char* name, size_t size) = 0;
  virtual void enter_item(size_t index) = 0;
  virtual void enter_table(const char* name, std::vector<std::string>& keys) = 0;
  virtual void leave() = 0;
};

std::string write_json(const std::function<void(JsonWalk&)>& walk);

/// Throws Error(kInvalidData) with `what` the text is, the place in it ("stages[3].streams") and what is wrong there.
/// Limits: `most_bytes`, 16 levels.
void read_json(const std::string& text, const char* what, const std::function<void(JsonWalk&)>& walk,
               size_t most_bytes = 8u << 20);

}  // namespace vedette::plan
