#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vedette/frame/picture.h"

namespace vedette::modules {

/// A picture of someone or something whose name is known.
struct TemplateImage {
  std::string name;
  std::filesystem::path file;
  friend bool operator==(const TemplateImage&, const TemplateImage&) = default;
};

constexpr size_t kMostTemplateImages = 20'000;

/// Finds the template images of folders and files:
///
///   people/anna/1.jpg, people/anna/back/2.png   → "anna": a sub-folder's name, however deep the picture lies in it
///   people/bert.jpg                             → "bert": a file's name without its ending
///   crops/carl.png, named itself                → "carl"
///
/// Files that are neither .jpg, .jpeg nor .png and whatever begins with a dot are passed over. Sorted by name, then by
/// path. Throws Error: kNotFound for a place that does not exist and when there is no picture at all, kInvalidConfig
/// for a file named itself that is no picture, kExhausted beyond kMostTemplateImages.
std::vector<TemplateImage> list_template_images(std::span<const std::string> places);

/// Reads a JPEG or PNG file, told by its first bytes rather than its name. Throws Error(kNotFound | kInvalidData) that
/// names the file.
std::shared_ptr<const Picture> read_template_image(const std::filesystem::path& file);

/// Changes when a picture is added, taken away or written anew: paths, sizes and times of change.
std::string fingerprint_of(std::span<const TemplateImage> images);

}  // namespace vedette::modules
