#include "vedette/console/pictures.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "vedette/media/convert.h"
#include "vedette/media/jpeg.h"

namespace vedette::console {
namespace {

constexpr std::array kWidths{160, 240, 320, 480, 640, 960, 1280, 1920};
constexpr uint64_t kScaledKey = 0x636f6e736f6c0000;  // "consol", then the width

int even(double side) { return std::max(2, static_cast<int>(std::lround(side / 2)) * 2); }

std::shared_ptr<Picture> scaled_to_width(const Picture& picture, int width_px) {
  const int height = even(static_cast<double>(picture.height()) * width_px / picture.width());
  return media::scaled(picture, width_px, height);
}

}  // namespace

int shared_width(int width_px) {
  if (width_px <= 0) return 0;
  const auto found = std::lower_bound(kWidths.begin(), kWidths.end(), width_px);
  return found == kWidths.end() ? 0 : *found;
}

std::shared_ptr<const Bytes> picture_jpeg(const Frame& frame, int width_px, int quality) {
  if (width_px <= 0 || media::pixel_size(frame).first <= width_px) return media::jpeg_of(frame, quality);
  const auto small = frame.derived<Frame>(kScaledKey + static_cast<uint64_t>(width_px), [&] {
    return std::make_shared<const Frame>(frame.with_picture(scaled_to_width(*media::pixels_of(frame), width_px)));
  });
  return media::jpeg_of(*small, quality);
}

std::shared_ptr<const Bytes> drawn_jpeg(const Observation& observation, media::Overlay& overlay, int width_px,
                                        int quality) {
  std::shared_ptr<Picture> drawn = overlay.draw(observation);
  if (width_px > 0 && drawn->width() > width_px) drawn = scaled_to_width(*drawn, width_px);
  return std::make_shared<const Bytes>(media::encode_jpeg(*drawn, quality));
}

}  // namespace vedette::console
