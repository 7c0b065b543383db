#include "vedette/infer/model_store.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <system_error>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/infer/classifier.h"
#include "vedette/infer/detector.h"
#include "vedette/infer/embedder.h"
#include "vedette/infer/head.h"

namespace vedette::infer {
namespace fs = std::filesystem;
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here sets the environment
  return value ? value : "";
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_path(std::string_view text) {
  return text.find('/') != std::string_view::npos || text.ends_with(".yaml") || text.ends_with(".yml");
}

}  // namespace

ModelStore ModelStore::standard() {
  Options options;
  const std::string listed = environment("VEDETTE_MODELS");
  for (size_t at = 0; at < listed.size();) {
    const size_t end = std::min(listed.find(':', at), listed.size());
    if (end > at) options.card_folders.emplace_back(listed.substr(at, end - at));
    at = end + 1;
  }
  options.card_folders.emplace_back("models");
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  if (!failed) options.card_folders.push_back(program.parent_path().parent_path() / "share" / "vedette" / "models");
#ifdef VEDETTE_MODELS_FOLDER
  options.card_folders.emplace_back(VEDETTE_MODELS_FOLDER);
#endif
  options.model_folders = options.card_folders;

  if (const auto own = environment("VEDETTE_MODEL_CACHE"); !own.empty()) {
    options.cache = own;
  } else if (const auto xdg = environment("XDG_CACHE_HOME"); !xdg.empty()) {
    options.cache = fs::path(xdg) / "vedette" / "models";
  } else if (const auto home = environment("HOME"); !home.empty()) {
    options.cache = fs::path(home) / ".cache" / "vedette" / "models";
  } else {
    options.cache = fs::temp_directory_path() / "vedette" / "models";
  }
  return ModelStore(std::move(options));
}

fs::path ModelStore::card_path(std::string_view name) const {
  for (const auto& folder : options_.card_folders) {
    const fs::path path = folder / fmt::format("{}.yaml", name);
    if (is_file(path)) return path;
  }
  return {};
}

std::vector<std::string> ModelStore::names() const {
  std::set<std::string> names;
  for (const auto& folder : options_.card_folders) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
      if (entry.path().extension() == ".yaml" && is_file(entry.path())) names.insert(entry.path().stem().string());
  }
  return {names.begin(), names.end()};
}

ModelCard ModelStore::card(const std::string& name_or_path) const {
  if (is_path(name_or_path)) return load_card(name_or_path);
  const fs::path path = card_path(name_or_path);
  if (path.empty()) {
    throw Error(ErrorCode::kNotFound, fmt::format("no model card is named '{}'", name_or_path),
                did_you_mean(name_or_path, names()));
  }
  return load_card(path);
}

fs::path ModelStore::cache_path(const ModelCard& card) const { return options_.cache / fs::path(card.file).filename(); }

fs::path ModelStore::find_file(const ModelCard& card) const {
  const fs::path file = card.file;
  if (file.is_absolute()) return is_file(file) ? file : fs::path();
  std::vector<fs::path> places{card.path.parent_path()};
  places.insert(places.end(), options_.model_folders.begin(), options_.model_folders.end());
  places.push_back(options_.cache);
  for (const auto& place : places)
    if (is_file(place / file)) return place / file;
  return {};
}

fs::path ModelStore::file(const ModelCard& card) const {
  const fs::path found = find_file(card);
  if (!found.empty()) return found;
  const std::string what = fmt::format("the file of model '{}', {}, is not here", card.name, card.file);
  if (fs::path(card.file).is_absolute()) throw Error(ErrorCode::kNotFound, what);
  if (!card.pull.npm.empty())
    throw Error(ErrorCode::kNotFound, what, fmt::format("run: vedette models pull {}", card.name));
  throw Error(
      ErrorCode::kNotFound, what,
      fmt::format("put it at {}{}{}", cache_path(card).string(), card.source.empty() ? "" : "; source: ", card.source));
}

std::string sha256_of_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw_errno(errno, fmt::format("cannot read {}", path.string()));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  VEDETTE_ASSERT(context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  std::vector<char> block(1 << 16);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())), in.gcount() > 0)
    VEDETTE_ASSERT(EVP_DigestUpdate(context.get(), block.data(), static_cast<size_t>(in.gcount())) == 1);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  VEDETTE_ASSERT(EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

void check_hash(const ModelCard& card, const fs::path& file) {
  if (card.sha256.empty()) return;
  const std::string seen = sha256_of_file(file);
  if (seen == card.sha256) return;
  throw Error(ErrorCode::kInvalidData,
              fmt::format("{} is not the file that model card '{}' means: its SHA-256 is {}, not {}", file.string(),
                          card.name, seen, card.sha256),
              card.pull.npm.empty() ? "get the file again, or correct the card"
                                    : fmt::format("delete it and run: vedette models pull {}", card.name));
}

void check_card(const ModelCard& card, const ModelStore& store) {
  VEDETTE_ASSERT(card.head != nullptr);
  const auto* vector = dynamic_cast<const VectorHead*>(card.head.get());
  if (!vector) {
    Detector::load(card, {}, store);
  } else if (vector->meaning() == VectorHead::Meaning::kEmbedding) {
    Embedder::load(card, {}, store);
  } else {
    Classifier::load(card, {}, store);
  }
}

}  // namespace vedette::infer
