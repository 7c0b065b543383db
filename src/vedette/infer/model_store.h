#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/infer/model_card.h"

namespace vedette::infer {

/// Where cards and model files are found. Copyable; holds only paths, so that what is added to a folder is seen at the
/// next call.
class ModelStore {
 public:
  struct Options {
    std::vector<std::filesystem::path> card_folders;   ///< searched in order
    std::vector<std::filesystem::path> model_folders;  ///< searched in order, after the card's own folder
    std::filesystem::path cache;                       ///< where pulled models are put; searched last
  };
  explicit ModelStore(Options options) : options_(std::move(options)) {}

  /// The store of this process. Cards: $VEDETTE_MODELS (colon-separated), ./models, the share/vedette/models folder
  /// beside the program's bin/, the source tree's models/. Model files: the same folders, then the cache
  /// ($VEDETTE_MODEL_CACHE, else $XDG_CACHE_HOME/vedette/models, else ~/.cache/vedette/models).
  static ModelStore standard();

  /// The card of a name ("nanodet-g-320"), or of a path when it holds a '/' or ends in .yaml or .yml.
  /// Throws Error(kNotFound) with the nearest name, or what load_card() throws.
  ModelCard card(const std::string& name_or_path) const;
  /// Names of all cards, sorted; a name in an earlier folder hides the same name in a later one.
  std::vector<std::string> names() const;
  /// Path of the card file of a name; empty when there is none.
  std::filesystem::path card_path(std::string_view name) const;

  /// Path of the card's model file; empty when it is nowhere.
  std::filesystem::path find_file(const ModelCard& card) const;
  /// As find_file(). Throws Error(kNotFound) that says how to get it.
  std::filesystem::path file(const ModelCard& card) const;
  /// Where a pulled or brought model file belongs.
  std::filesystem::path cache_path(const ModelCard& card) const;

 private:
  Options options_;
};

/// SHA-256 of a file in lower-case hexadecimal. Throws Error(kNotFound | kPermissionDenied).
std::string sha256_of_file(const std::filesystem::path& path);

/// Throws Error(kInvalidData) when the card names a hash and the file has another.
void check_hash(const ModelCard& card, const std::filesystem::path& file);

/// Looks the whole card over: the file is there, its hash is right, ONNX Runtime loads it, and its inputs and outputs
/// fit the card's input and head (one inference on a grey picture). Throws one Error for the first thing that is wrong.
void check_card(const ModelCard& card, const ModelStore& store = ModelStore::standard());

}  // namespace vedette::infer
