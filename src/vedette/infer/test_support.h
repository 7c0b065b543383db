#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "vedette/frame/object.h"
#include "vedette/frame/picture.h"
#include "vedette/infer/model_store.h"

namespace vedette::infer::testing {

/// The folder of test material beside the repository; empty when it is missing.
inline std::filesystem::path shared_folder() {
  const char* own = std::getenv("VEDETTE_SHARED");
  const std::filesystem::path folder = own ? own : std::filesystem::path(VEDETTE_SOURCE_DIR) / ".." / "shared";
  return std::filesystem::is_directory(folder / "models") ? folder : std::filesystem::path();
}

/// Cards of the source tree, model files of the shared folder.
inline ModelStore store() {
  ModelStore::Options options;
  options.card_folders = {std::filesystem::path(VEDETTE_SOURCE_DIR) / "models"};
  options.model_folders = {shared_folder() / "models"};
  options.cache = std::filesystem::temp_directory_path() / "vedette-no-such-cache";
  return ModelStore(options);
}

/// A card of the source tree for a file of the shared folder.
inline ModelCard card(const std::string& name, const std::string& file) {
  ModelCard found = store().card(name);
  if (found.file != file) found.sha256.clear();
  found.file = file;
  return found;
}

/// The pictures of the sample video that `select` (an ffmpeg select expression) picks, in I420 as the decoder makes
/// them. Empty when video or ffmpeg are missing.
inline std::vector<std::shared_ptr<const Picture>> sample_frames(const std::string& select) {
  constexpr int kWidth = 768, kHeight = 576;
  const std::string video = "/usr/share/doc/opencv-doc/examples/data/vtest.avi";
  std::vector<std::shared_ptr<const Picture>> frames;
  if (!std::filesystem::exists(video)) return frames;
  const std::string command = "ffmpeg -v error -i " + video + " -vf \"select='" + select +
                              "'\" -vsync 0 -f rawvideo -pix_fmt yuv420p - 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::vector<uint8_t> bytes(kWidth * kHeight * 3 / 2);
  while (pipe && std::fread(bytes.data(), 1, bytes.size(), pipe.get()) == bytes.size()) {
    auto picture = Picture::make(PixelFormat::kI420, kWidth, kHeight);
    const uint8_t* from = bytes.data();
    for (int p = 0; p < 3; ++p) {
      const Plane& plane = picture->plane(p);
      for (int y = 0; y < plane.height; ++y, from += plane.width)
        std::copy_n(from, plane.width, plane.data + static_cast<ptrdiff_t>(y) * plane.stride_bytes);
    }
    frames.push_back(std::move(picture));
  }
  return frames;
}

/// Counts of boxes found, missed and invented, at an overlap of 0.5, each truth box taken at most once.
struct Tally {
  size_t hits = 0, found = 0, truth = 0;
  double f1() const { return found + truth ? 2.0 * static_cast<double>(hits) / static_cast<double>(found + truth) : 0; }
  void add(const std::vector<Object>& objects, const std::vector<Box>& boxes, const std::vector<Box>& ignored) {
    std::vector<bool> taken(boxes.size());
    for (const Object& object : objects) {
      size_t best = boxes.size();
      float overlap = 0.5f;
      for (size_t i = 0; i < boxes.size(); ++i)
        if (!taken[i] && iou(boxes[i], object.box) >= overlap) {
          overlap = iou(boxes[i], object.box);
          best = i;
        }
      if (best < boxes.size()) {
        taken[best] = true;
        ++hits;
      } else {
        bool skip = false;
        for (const Box& box : ignored) skip = skip || iou(box, object.box) >= 0.5f;
        if (skip) continue;
      }
      ++found;
    }
    truth += boxes.size();
  }
};

struct Truth {
  std::vector<std::vector<Box>> boxes, ignored;  ///< by frame of the video, from 0
};

/// Ground truth of the sample video: frame i of the video is frame i+1 there.
inline Truth sample_truth() {
  Truth truth;
  truth.boxes.resize(800);
  truth.ignored.resize(800);
  std::ifstream in(shared_folder() / "data" / "mot15" / "PETS09-S2L1" / "gt.txt");
  for (std::string line; std::getline(in, line);) {
    int frame = 0, id = 0;
    float x = 0, y = 0, w = 0, h = 0, conf = 0;
    if (std::sscanf(line.c_str(), "%d,%d,%f,%f,%f,%f,%f", &frame, &id, &x, &y, &w, &h, &conf) != 7) continue;
    auto& rows = conf > 0 ? truth.boxes : truth.ignored;
    if (frame >= 1 && frame <= 800) rows[static_cast<size_t>(frame - 1)].push_back({x, y, w, h});
  }
  return truth;
}

}  // namespace vedette::infer::testing
