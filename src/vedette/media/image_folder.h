#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "vedette/media/decoder.h"
#include "vedette/media/source_base.h"

namespace vedette::media {

/// Whether `a` comes before `b` when numbers within names count as numbers: frame2.jpg before frame10.jpg.
bool natural_less(std::string_view a, std::string_view b);

/// The pictures of a folder (not of its sub-folders), in natural order of their names: JPEG, PNG, BMP, WebP, TIFF, PNM.
/// Other files are counted as "not_an_image". The stream clock is `image_fps`.
class ImageFolder final : public SourceBase {
 public:
  /// Throws Error(kNotFound) when there is no picture, Error(kPermissionDenied).
  ImageFolder(const SourceOptions& options, std::shared_ptr<const StreamInfo> stream, std::shared_ptr<BufferPool> pool,
              const Clock& clock);
  std::optional<Frame> next(std::stop_token stop) override;
  bool live() const override { return false; }

 private:
  bool load(const std::filesystem::path& file, Frame& frame);
  void decode_other(const Bytes& bytes, int codec, Frame& frame);

  std::vector<std::filesystem::path> files_;
  size_t at_ = 0;
  uint64_t ticks_ = 0;             ///< of the stream clock, also for pictures that were dropped
  uint64_t loaded_this_pass_ = 0;
  std::map<int, std::unique_ptr<Decoder>> decoders_;
};

}  // namespace vedette::media
