// What the steps of a knob chain cost: the table that KnobSetting::live() decides by.
#include "vedette/media/knobs.h"

namespace vedette::media {
namespace {

// Medians of `bench/knobs`, milliseconds of one core for a 1080p frame, on a machine where the yardstick of that
// benchmark takes 10.5 ms (docs/knobs.md). Where a step works on the stored picture, it costs so much a megapixel.
constexpr PictureSize kFrame{1920, 1080};

double scale_ms(double megapixels) { return 0.4 + 0.85 * megapixels; }
constexpr double kScaleGray = 0.65;   // of what all planes cost
constexpr double kSmallLumaMs = 0.4;  // the quarter picture that differencing and motion look at
constexpr double kDifferenceMs = 0.1;
constexpr double kMotionMs = 0.4;  // background, spots
constexpr double kMaskMs = 0.2;    // a megapixel; what is black costs less to encode
constexpr double kBlurMs = 1.1;    // a megapixel, whatever the kernel

double color_ms(ColorSpace space) {
  switch (space) {
    case ColorSpace::kBgr:
    case ColorSpace::kGray: return 0;
    case ColorSpace::kHsv: return 1.2;  // with what encoding a packed picture costs more
    case ColorSpace::kLab:
    case ColorSpace::kLuv: return 3.7;
  }
  return 0;
}

double encode_ms(const KnobSetting& s) {
  switch (s.codec) {
    case Codec::kJpeg: return (1.95 + 0.003 * s.quality) * (s.color_space == ColorSpace::kGray ? 0.85 : 1);
    case Codec::kH264: return 2.7;
    case Codec::kH265: return s.inter ? 18 : 58;
  }
  return 0;
}

}  // namespace

double KnobSetting::estimated_cost_ms() const {
  const PictureSize stored = stored_size(kFrame, *this);
  const double megapixels = stored.width * stored.height / 1e6;
  const bool gray = color_space == ColorSpace::kGray, moving = artefacts != Artefacts::kKept;
  double ms = 0;
  if (difference > 0 || moving) ms += kSmallLumaMs;
  if (difference > 0) ms += kDifferenceMs;
  if (moving) ms += kMotionMs + megapixels * kMaskMs;
  if (stored != kFrame) ms += scale_ms(megapixels) * (gray ? kScaleGray : 1);
  if (blur_px > 1) ms += megapixels * kBlurMs * (gray ? kScaleGray : 1);
  ms += megapixels * (color_ms(color_space) + encode_ms(*this));
  return ms;
}

}  // namespace vedette::media
