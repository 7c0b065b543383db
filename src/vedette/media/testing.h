#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "vedette/media/source.h"

/// Help for the tests of this folder; not part of any library.
namespace vedette::media::testing {

inline const std::string kSampleVideo = "/usr/share/doc/opencv-doc/examples/data/vtest.avi";

/// A folder of its own for one test, removed with it.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "vedette_media_XXXXXX").string();
    path_ = mkdtemp(path.data());
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline bool have(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

/// Runs the ffmpeg program; false when it fails.
inline bool ffmpeg(const std::string& arguments) {
  return std::system(("ffmpeg -v error -y " + arguments + " </dev/null").c_str()) == 0;
}

inline std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_text(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::unique_ptr<Source> open(const SourceOptions& options) {
  auto info = std::make_shared<StreamInfo>();
  info->name = "test";
  return open_source(options, info, std::make_shared<BufferPool>());
}

/// All frames of a source that ends, up to `most`.
inline std::vector<Frame> read_all(Source& source, size_t most = 100000) {
  std::vector<Frame> frames;
  while (frames.size() < most) {
    auto frame = source.next({});
    if (!frame) break;
    frames.push_back(std::move(*frame));
  }
  return frames;
}

/// A picture with smooth content that survives a lossy codec: ramps that move with `phase`.
inline std::shared_ptr<Picture> ramp(PixelFormat format, int width, int height, int phase = 0) {
  auto picture = Picture::make(format, width, height);
  for (int i = 0; i < picture->planes(); ++i) {
    const Plane& plane = picture->plane(i);
    const int channels = format == PixelFormat::kBgr ? 3 : 1;
    for (int y = 0; y < plane.height; ++y)
      for (int x = 0; x < plane.width * channels; ++x)
        plane.data[y * plane.stride_bytes + x] = static_cast<uint8_t>(
            40 +
            (x / channels * 80 / plane.width + y * 80 / plane.height + phase + 20 * i + 10 * (x % channels)) % 176);
  }
  return picture;
}

/// Mean absolute difference over all samples.
inline double difference(const Picture& a, const Picture& b) {
  double sum = 0, count = 0;
  for (int i = 0; i < a.planes(); ++i) {
    const Plane &p = a.plane(i), &q = b.plane(i);
    const int row = a.format() == PixelFormat::kBgr ? 3 * p.width : p.width;
    for (int y = 0; y < p.height; ++y)
      for (int x = 0; x < row; ++x) {
        sum += std::abs(p.data[y * p.stride_bytes + x] - q.data[y * q.stride_bytes + x]);
        ++count;
      }
  }
  return sum / count;
}

}  // namespace vedette::media::testing
