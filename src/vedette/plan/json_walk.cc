#include "vedette/plan/json_walk.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"

namespace vedette::plan {
namespace {

using nlohmann::json;

constexpr int kMostLevels = 16;

class Writer final : public JsonWalk {
 public:
  Writer() { stack_.push_back(&root_); }

  void member(const char* name, bool& value) override { at(name) = value; }
  void member(const char* name, int& value) override { at(name) = value; }
  void member(const char* name, uint64_t& value) override { at(name) = value; }
  void member(const char* name, double& value) override { at(name) = std::isfinite(value) ? json(value) : json(); }
  void member(const char* name, std::string& value) override { at(name) = value; }
  void member(const char* name, std::vector<std::string>& value) override { at(name) = value; }
  void member(const char* name, std::map<std::string, std::string>& value) override { at(name) = value; }
  void member(const char* name, std::map<std::string, uint64_t>& value) override { at(name) = value; }
  void member(const char* name, std::map<std::string, double>& value) override {
    json& map = at(name) = json::object();
    for (const auto& [key, number] : value) map[key] = std::isfinite(number) ? json(number) : json();
  }
  void member(const char* name, std::map<std::string, std::vector<std::string>>& value) override { at(name) = value; }

  std::string text() const {
    return root_.dump(-1, ' ', false, json::error_handler_t::replace);  // last_error may be any bytes
  }

 protected:
  void choice_index(const char* name, size_t& index, const std::vector<std::string_view>& words) override {
    at(name) = words.at(index);
  }
  bool enter(const char* name) override {
    stack_.push_back(&(at(name) = json::object()));
    return true;
  }
  size_t enter_list(const char* name, size_t size) override {
    stack_.push_back(&(at(name) = json::array()));
    for (size_t i = 0; i < size; ++i) stack_.back()->push_back(json::object());
    return size;
  }
  void enter_item(size_t index) override { stack_.push_back(&(*stack_.back())[index]); }
  void enter_table(const char* name, std::vector<std::string>& /*keys*/) override { enter(name); }
  void leave() override { stack_.pop_back(); }

 private:
  json& at(const char* name) { return (*stack_.back())[name]; }

  json root_ = json::object();
  std::vector<json*> stack_;
};

class Reader final : public JsonWalk {
 public:
  Reader(const json& root, const char* what) : what_(what) {
    if (!root.is_object()) fail(nullptr, "expected an object");
    stack_.push_back({&root, nullptr, 0});
  }

  void member(const char* name, bool& value) override {
    if (const json* found = find(name)) value = checked(name, *found, found->is_boolean(), "true or false").get<bool>();
  }
  void member(const char* name, int& value) override {
    const json* found = find(name);
    if (!found) return;
    const bool fits = found->is_number_integer() && *found >= std::numeric_limits<int>::min() &&
                      *found <= std::numeric_limits<int>::max();
    value = checked(name, *found, fits, "a whole number of 32 bits").get<int>();
  }
  void member(const char* name, uint64_t& value) override {
    if (const json* found = find(name)) value = whole(name, *found);
  }
  void member(const char* name, double& value) override {
    if (const json* found = find(name)) value = checked(name, *found, found->is_number(), "a number").get<double>();
  }
  void member(const char* name, std::string& value) override {
    if (const json* found = find(name)) value = text_of(name, *found);
  }
  void member(const char* name, std::vector<std::string>& value) override {
    if (const json* found = find(name)) value = texts_of(name, *found);
  }
  void member(const char* name, std::map<std::string, std::string>& value) override {
    read_map(name, value, [&](const json& item) { return text_of(name, item); });
  }
  void member(const char* name, std::map<std::string, uint64_t>& value) override {
    read_map(name, value, [&](const json& item) { return whole(name, item); });
  }
  void member(const char* name, std::map<std::string, double>& value) override {
    read_map(name, value, [&](const json& item) {
      return item.is_null() ? 0.0 : checked(name, item, item.is_number(), "a map of numbers").get<double>();
    });
  }
  void member(const char* name, std::map<std::string, std::vector<std::string>>& value) override {
    read_map(name, value, [&](const json& item) { return texts_of(name, item); });
  }

 protected:
  void choice_index(const char* name, size_t& index, const std::vector<std::string_view>& words) override {
    const json* found = find(name);
    if (!found) return;
    const auto& word = text_of(name, *found);
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] != word) continue;
      index = i;
      return;
    }
    fail(name, fmt::format("expected one of {}, found '{}'", fmt::join(words, ", "), word.substr(0, 40)));
  }
  bool enter(const char* name) override {
    const json* found = find(name);
    if (!found) return false;
    stack_.push_back({&checked(name, *found, found->is_object(), "an object"), name, kNoIndex});
    return true;
  }
  size_t enter_list(const char* name, size_t /*size*/) override {
    static const json none = json::array();
    const json* found = find(name);
    stack_.push_back({found ? &checked(name, *found, found->is_array(), "a list") : &none, name, kNoIndex});
    return stack_.back().value->size();
  }
  void enter_item(size_t index) override {
    const json& item = (*stack_.back().value)[index];
    stack_.push_back({&item, nullptr, index});
    if (!item.is_object()) fail(nullptr, "expected an object");
  }
  void enter_table(const char* name, std::vector<std::string>& keys) override {
    static const json none = json::object();
    const json* found = find(name);
    const json& table = found ? checked(name, *found, found->is_object(), "an object") : none;
    keys.clear();
    for (const auto& [key, value] : table.items()) keys.push_back(key);
    stack_.push_back({&table, name, kNoIndex});
  }
  void leave() override { stack_.pop_back(); }

 private:
  static constexpr size_t kNoIndex = static_cast<size_t>(-1);
  struct Level {
    const json* value;
    const char* name;  // null: an item of a list, or the root
    size_t index;
  };

  const json* find(const char* name) const {
    const json& object = *stack_.back().value;
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nullptr : &*found;
  }
  const json& checked(const char* name, const json& value, bool right, const char* expected) const {
    if (!right) fail(name, fmt::format("expected {}, found {}", expected, value.type_name()));
    // NOLINTNEXTLINE(bugprone-return-const-ref-from-parameter): members of the document, never temporaries
    return value;
  }
  uint64_t whole(const char* name, const json& value) const {
    return checked(name, value, value.is_number_unsigned(), "a whole number from 0 on").get<uint64_t>();
  }
  const std::string& text_of(const char* name, const json& value) const {
    return checked(name, value, value.is_string(), "text").get_ref<const std::string&>();
  }
  std::vector<std::string> texts_of(const char* name, const json& value) const {
    checked(name, value, value.is_array(), "a list of text");
    std::vector<std::string> out;
    for (const auto& item : value) out.push_back(text_of(name, item));
    return out;
  }
  template <typename T, typename Read>
  void read_map(const char* name, std::map<std::string, T>& out, const Read& read) const {
    const json* found = find(name);
    if (!found) return;
    out.clear();
    for (const auto& [key, item] : checked(name, *found, found->is_object(), "an object").items())
      out.emplace(key, read(item));
  }
  [[noreturn]] void fail(const char* name, const std::string& what) const {
    std::string place;
    for (const auto& level : stack_) {
      if (level.name)
        place += fmt::format("{}{}", place.empty() ? "" : ".", std::string_view(level.name).substr(0, 40));
      else if (&level != &stack_.front())
        place += fmt::format("[{}]", level.index);
    }
    if (name) place += fmt::format("{}{}", place.empty() ? "" : ".", name);
    throw Error(ErrorCode::kInvalidData, fmt::format("{}{}{}: {}", what_, place.empty() ? "" : ", ", place, what));
  }

  const char* what_;
  std::vector<Level> stack_;
};

}  // namespace

std::string write_json(const std::function<void(JsonWalk&)>& walk) {
  Writer writer;
  walk(writer);
  return writer.text();
}

void read_json(const std::string& text, const char* what, const std::function<void(JsonWalk&)>& walk,
               size_t most_bytes) {
  if (text.size() > most_bytes)
    throw Error(ErrorCode::kInvalidData,
                fmt::format("{}: {} bytes, more than the {} allowed", what, text.size(), most_bytes));
  const auto shallow = [&](int depth, json::parse_event_t /*event*/, json& /*parsed*/) {
    if (depth > kMostLevels)
      throw Error(ErrorCode::kInvalidData, fmt::format("{}: nested deeper than {} levels", what, kMostLevels));
    return true;
  };
  json root;
  try {
    root = json::parse(text, shallow);
  } catch (const json::exception& e) {
    std::string_view why = e.what();
    if (const auto end = why.find("] "); end != why.npos)
      why.remove_prefix(end + 2);  // "[json.exception.parse_error.101] "
    throw Error(ErrorCode::kInvalidData, fmt::format("{}: not JSON: {}", what, why.substr(0, 200)));
  }
  Reader reader(root, what);
  walk(reader);
}

}  // namespace vedette::plan
