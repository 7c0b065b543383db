#include "vedette/modules/template_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <stop_token>
#include <tuple>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/media/jpeg.h"
#include "vedette/media/source.h"

namespace vedette::modules {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kLargestFile = 64U << 20U;

bool hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

bool named_as_picture(const fs::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

void add(std::vector<TemplateImage>& images, std::string name, const fs::path& file) {
  if (images.size() == kMostTemplateImages)
    throw Error(ErrorCode::kExhausted, fmt::format("the gallery has more than {} pictures", kMostTemplateImages));
  images.push_back({std::move(name), file});
}

void add_file(std::vector<TemplateImage>& images, const fs::path& file, const std::string& folder_name) {
  if (hidden(file)) return;
  if (!named_as_picture(file)) {
    log::warn("gallery: '{}' is passed over: neither .jpg, .jpeg nor .png", file.string());
    return;
  }
  add(images, folder_name.empty() ? file.stem().string() : folder_name, file);
}

void add_folder(std::vector<TemplateImage>& images, const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (hidden(entry.path())) continue;
    if (!entry.is_directory()) {
      add_file(images, entry.path(), "");
      continue;
    }
    for (fs::recursive_directory_iterator at(entry.path()), end; at != end; ++at) {
      if (hidden(at->path()) && at->is_directory()) at.disable_recursion_pending();
      if (at->is_regular_file()) add_file(images, at->path(), entry.path().filename().string());
    }
  }
}

std::shared_ptr<const Picture> decode_png(const fs::path& file) {
  if (file.string().find('%') != std::string::npos)  // FFmpeg would take it for a pattern of many files
    throw Error(ErrorCode::kInvalidData, "a PNG file's path must not have a '%' sign");
  media::SourceOptions options;
  options.url = fs::absolute(file).string();
  options.pacing = media::Pacing::kFast;
  const auto stream = std::make_shared<const StreamInfo>(StreamInfo{.name = file.filename().string()});
  const auto frame = media::open_source(options, stream, std::make_shared<BufferPool>())->next(std::stop_token{});
  if (!frame || !frame->picture) throw Error(ErrorCode::kInvalidData, "its pixels cannot be decoded");
  return frame->picture;
}

}  // namespace

std::vector<TemplateImage> list_template_images(std::span<const std::string> places) {
  std::vector<TemplateImage> images;
  for (const auto& place : places) {
    std::error_code failed;
    const auto status = fs::status(place, failed);
    if (!fs::exists(status))
      throw Error(ErrorCode::kNotFound, "the gallery '" + place + "' does not exist",
                  "a folder of pictures, each named after who it shows, or with a sub-folder for each name");
    try {
      if (fs::is_directory(status)) {
        add_folder(images, place);
      } else if (named_as_picture(place)) {
        add(images, fs::path(place).stem().string(), place);
      } else {
        throw Error(ErrorCode::kInvalidConfig, "the gallery's '" + place + "' is no picture",
                    "a folder, or a .jpg, .jpeg or .png file");
      }
    } catch (const fs::filesystem_error& e) {
      throw_errno(e.code().value(), "cannot list the gallery '" + place + "'");
    }
  }
  if (images.empty())
    throw Error(ErrorCode::kNotFound, fmt::format("the gallery '{}' has no pictures", fmt::join(places, "', '")),
                "put .jpg or .png pictures into it, each named after who it shows");
  const auto key = [](const TemplateImage& image) { return std::tie(image.name, image.file); };
  std::sort(images.begin(), images.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  images.erase(std::unique(images.begin(), images.end()), images.end());
  return images;
}

std::shared_ptr<const Picture> read_template_image(const fs::path& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) throw Error(ErrorCode::kNotFound, "cannot read the gallery's picture '" + file.string() + "'");
  const auto size = static_cast<uintmax_t>(std::max<std::streamoff>(0, in.tellg()));
  constexpr std::array<uint8_t, 8> kPng{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  try {
    if (size > kLargestFile) throw Error(ErrorCode::kInvalidData, fmt::format("larger than {} bytes", kLargestFile));
    Bytes bytes(static_cast<size_t>(size));
    in.seekg(0);
    in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
    if (!in) throw Error(ErrorCode::kInvalidData, "it cannot be read to its end");
    if (bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8) return media::decode_jpeg(bytes);
    if (bytes.size() >= kPng.size() && std::equal(kPng.begin(), kPng.end(), bytes.begin())) return decode_png(file);
    throw Error(ErrorCode::kInvalidData, "neither JPEG nor PNG");
  } catch (const Error& e) {
    throw Error(ErrorCode::kInvalidData,
                fmt::format("the gallery's picture '{}' does not decode: {}", file.string(), e.what()),
                "replace or remove it");
  }
}

std::string fingerprint_of(std::span<const TemplateImage> images) {
  std::string text;
  for (const auto& image : images) {
    std::error_code missing;  // a file that went meanwhile is told when it is read
    const auto size = fs::file_size(image.file, missing);
    const auto time = fs::last_write_time(image.file, missing).time_since_epoch().count();
    text += fmt::format("{}\n{}\n{} {}\n", image.name, fs::absolute(image.file).string(), size, time);
  }
  return text;
}

}  // namespace vedette::modules
