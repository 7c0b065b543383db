#include "vedette/lab/detection_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "vedette/base/error.h"
#include "vedette/lab/read_file.h"

namespace vedette::lab {
namespace {

using Json = nlohmann::json;

constexpr size_t kLargestJsonBytes = 1u << 30;

bool is_json(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && (text[first] == '{' || text[first] == '[');
}

[[noreturn]] void fail(const std::string& path, const std::string& what, const std::string& hint = {}) {
  throw Error(ErrorCode::kInvalidData, fmt::format("{}: {}", path, what), hint);
}

/// An entry of a list in a JSON file, with its place for messages.
class Entry {
 public:
  Entry(const std::string& path, const char* list, size_t index, const Json& json)
      : path_(path), list_(list), index_(index), json_(json) {}

  const Json& at(const char* key) const {
    const auto found = json_.is_object() ? json_.find(key) : json_.end();
    if (!json_.is_object() || found == json_.end()) fail_at(fmt::format("has no \"{}\"", key));
    return *found;
  }
  int64_t id(const char* key) const {
    const Json& value = at(key);
    if (!value.is_number_integer()) fail_at(fmt::format("\"{}\" is no whole number", key));
    return value.get<int64_t>();
  }
  double number(const char* key) const { return number_of(at(key), key); }
  double number_or(const char* key, double fallback) const { return json_.contains(key) ? number(key) : fallback; }
  bool flag(const char* key) const { return json_.contains(key) && number(key) != 0; }

  template <typename B>
  void box(B& b) const {
    const Json& value = at("bbox");
    if (!value.is_array() || value.size() != 4) fail_at("\"bbox\" is not [left, top, width, height]");
    b.left = number_of(value[0], "bbox");
    b.top = number_of(value[1], "bbox");
    b.width = number_of(value[2], "bbox");
    b.height = number_of(value[3], "bbox");
    if (b.width < 0 || b.height < 0) fail_at("\"bbox\" has a negative size");
  }

  [[noreturn]] void fail_at(const std::string& what) const {
    fail(path_, fmt::format("{}[{}] {}", list_, index_, what));
  }

 private:
  double number_of(const Json& value, const char* key) const {
    if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
    if (!value.is_number() || !std::isfinite(value.get<double>())) fail_at(fmt::format("\"{}\" is no number", key));
    return value.get<double>();
  }

  const std::string& path_;
  const char* list_;
  const size_t index_;
  const Json& json_;
};

Json parse(const std::string& path, const std::string& text) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& e) {
    fail(path, fmt::format("is no JSON: syntax error at byte {}", e.byte));
  }
}

template <typename Each>
void for_each(const std::string& path, const char* name, const Json& list, Each each) {
  if (!list.is_array()) fail(path, fmt::format("\"{}\" is no list", name));
  for (size_t i = 0; i < list.size(); ++i) each(Entry(path, name, i, list[i]));
}

std::vector<int64_t> ids(const std::string& path, const Json& truth, const char* list) {
  std::set<int64_t> result;
  if (truth.contains(list)) for_each(path, list, truth[list], [&](const Entry& e) { result.insert(e.id("id")); });
  return {result.begin(), result.end()};
}

bool contains(const std::vector<int64_t>& sorted, int64_t id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

void read_coco_truth(const std::string& path, const std::string& text, DetectionData& data) {
  const Json json = parse(path, text);
  if (!json.is_object() || !json.contains("annotations")) {
    fail(path, "has no \"annotations\"", "a COCO truth is an object with images, annotations and categories");
  }
  data.images = ids(path, json, "images");
  data.categories = ids(path, json, "categories");
  for_each(path, "annotations", json["annotations"], [&](const Entry& e) {
    TruthBox b;
    b.image = e.id("image_id");
    b.category = e.id("category_id");
    e.box(b);
    b.area = e.number_or("area", b.width * b.height);
    b.crowd = e.flag("iscrowd");
    if (!contains(data.images, b.image))
      e.fail_at(fmt::format("is of image {}, which is not among the images", b.image));
    if (!contains(data.categories, b.category))
      e.fail_at(fmt::format("is of category {}, which is not there", b.category));
    data.truth.push_back(b);
  });
}

void read_coco_results(const std::string& path, const std::string& text, DetectionData& data) {
  const Json json = parse(path, text);
  if (!json.is_array()) fail(path, "is no list", "COCO results are a list of {image_id, category_id, bbox, score}");
  for_each(path, "results", json, [&](const Entry& e) {
    FoundBox b;
    b.image = e.id("image_id");
    b.category = e.id("category_id");
    e.box(b);
    b.score = e.number("score");
    if (!contains(data.images, b.image))
      e.fail_at(fmt::format("is of image {}, which the truth does not have", b.image));
    if (contains(data.categories, b.category)) {
      data.found.push_back(b);
    } else {
      ++data.dropped;
    }
  });
}

}  // namespace

DetectionData detection_data(std::vector<MotRow> truth, const std::vector<MotRow>& found) {
  constexpr int64_t kOnlyCategory = 1;
  DetectionData data;
  data.categories = {kOnlyCategory};
  std::set<int64_t> frames;
  for (const MotRow& row : without_ignored(std::move(truth))) {
    data.truth.push_back(
        {row.frame, kOnlyCategory, row.left, row.top, row.width, row.height, row.width * row.height, false});
    frames.insert(row.frame);
  }
  for (const MotRow& row : found) {
    data.found.push_back({row.frame, kOnlyCategory, row.left, row.top, row.width, row.height, row.confidence});
    frames.insert(row.frame);
  }
  data.images.assign(frames.begin(), frames.end());
  return data;
}

DetectionData load_detection_data(const std::string& truth_path, const std::string& result_path) {
  const std::string truth = read_file(truth_path, kLargestJsonBytes),
                    result = read_file(result_path, kLargestJsonBytes);
  const bool coco = is_json(truth);
  if (coco != is_json(result)) {
    throw Error(ErrorCode::kInvalidData,
                fmt::format("{} is {} but {} is {}", truth_path, coco ? "COCO JSON" : "MOT text", result_path,
                            coco ? "MOT text" : "JSON"),
                "truth and result must be of one kind");
  }
  DetectionData data;
  if (coco) {
    read_coco_truth(truth_path, truth, data);
    read_coco_results(result_path, result, data);
  } else {
    data = detection_data(parse_mot(truth, truth_path), parse_mot(result, result_path));
  }
  if (data.truth.empty()) fail(truth_path, "has no box that counts");
  return data;
}

}  // namespace vedette::lab
