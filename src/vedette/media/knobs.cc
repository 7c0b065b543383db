#include "vedette/media/knobs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/frame/buffer_pool.h"
#include "vedette/frame/scale.h"
#include "vedette/media/artefacts.h"
#include "vedette/media/convert.h"
#include "vedette/media/differencing.h"
#include "vedette/media/inter_codec.h"
#include "vedette/media/jpeg.h"
#include "vedette/media/knob_steps.h"
#include "vedette/media/small_luma.h"

namespace vedette::media {
namespace {

/// Proportions that differ by no more than this are taken as the same: 16:9 is stored as 480×256.
constexpr double kSameProportions = 0.06;

PictureSize size_of(const Picture& picture) { return {picture.width(), picture.height()}; }

int even(double value) { return std::max(2, static_cast<int>(std::floor(value / 2)) * 2); }

void check(const KnobSetting& s) {
  const bool jpeg = s.codec == Codec::kJpeg;
  const bool sized = (s.max_width == 0 && s.max_height == 0) || (s.max_width >= 2 && s.max_height >= 2);
  if (sized && s.blur_px >= 0 && s.blur_px <= 255 && s.difference >= 0 && s.difference <= 1 &&
      s.quality >= (jpeg ? 1 : 0) && s.quality <= (jpeg ? 100 : 51) && !(jpeg && s.inter))
    return;
  throw Error(ErrorCode::kUsage, "a knob setting is out of range: " + s.to_string());
}

/// Nothing but the encoding and differencing is asked for.
bool keeps_pixels(const KnobSetting& s, PictureSize original) {
  return s.color_space == ColorSpace::kBgr && s.blur_px <= 1 && s.artefacts == Artefacts::kKept &&
         stored_size(original, s) == original;
}

}  // namespace

PictureSize stored_size(PictureSize original, const KnobSetting& s) {
  if (s.max_width <= 0 || s.max_height <= 0) return original;
  const double across = static_cast<double>(s.max_width) / original.width,
               down = static_cast<double>(s.max_height) / original.height;
  if (across >= 1 && down >= 1) return original;
  if (across < 1 && down < 1 && std::abs(across / down - 1) <= kSameProportions)
    return {even(s.max_width), even(s.max_height)};
  const double factor = std::min(across, down);
  return {even(std::round(original.width * factor)), even(std::round(original.height * factor))};
}

Box map_back(const Box& box, PictureSize stored, PictureSize original) {
  return Scale::between(stored.width, stored.height, original.width, original.height)(box);
}

struct KnobChain::Impl {
  explicit Impl(const KnobSetting& s) : setting(s) { check(s); }

  std::optional<Encoded> apply(const Frame& frame);
  std::optional<Encoded> apply(const Picture& picture, PictureSize original, const Frame* frame);
  bool judge(const Picture& picture, PictureSize original);
  void note_sent();
  std::shared_ptr<const Picture> change(const Picture& picture, PictureSize original);
  void encode(const Picture& picture, Encoded& to);

  KnobSetting setting;
  bool key_wanted = false;
  SmallLuma small;
  Differencing differencing;
  MotionMask motion;
  std::unique_ptr<VideoEncoder> video;
  BufferPool pool{{.max_idle_bytes = 16U << 20}};
};

/// Takes the frame in for differencing and for what moves; false when it is to be withheld.
bool KnobChain::Impl::judge(const Picture& picture, PictureSize original) {
  const bool moving = setting.artefacts != Artefacts::kKept;
  if (setting.difference <= 0 && !moving) return true;
  small_luma(picture, original.width, original.height, small);
  if (moving) motion.update(small);
  if (setting.difference <= 0) return true;
  return key_wanted || differencing.must_send(small, setting.difference);
}

/// The frame has been encoded.
void KnobChain::Impl::note_sent() {
  if (setting.difference > 0) differencing.sent(small);
  key_wanted = false;
}

/// All steps but the encoding; null when none changes a pixel.
std::shared_ptr<const Picture> KnobChain::Impl::change(const Picture& picture, PictureSize original) {
  const PictureSize size = stored_size(original, setting);
  std::shared_ptr<const Picture> now;
  const auto current = [&]() -> const Picture& { return now ? *now : picture; };
  if (setting.color_space == ColorSpace::kGray && picture.format() != PixelFormat::kGray) now = luma_only(picture);
  if (size_of(current()) != size) now = scaled(current(), size.width, size.height, &pool);
  if (setting.blur_px > 1) now = blurred(current(), setting.blur_px, &pool);
  if (setting.artefacts != Artefacts::kKept) now = motion.apply(current(), setting.artefacts, &pool);
  if (setting.color_space == ColorSpace::kGray) {
    if (picture.format() == PixelFormat::kI420 && !picture.full_range) now = stretched(current(), &pool);
  } else if (setting.color_space != ColorSpace::kBgr) {
    now = in_color_space(current(), setting.color_space, &pool);
  }
  return now;
}

void KnobChain::Impl::encode(const Picture& picture, Encoded& to) {
  to.codec = setting.codec;
  if (setting.codec == Codec::kJpeg) {
    to.bytes = std::make_shared<const Bytes>(encode_jpeg(picture, setting.quality));
    to.stored = size_of(picture);
    return;
  }
  const bool i420 = picture.format() == PixelFormat::kI420;
  VideoEncoder::Options wanted{.codec = setting.codec,
                               .width = (picture.width() + 1) / 2 * 2,
                               .height = (picture.height() + 1) / 2 * 2,
                               .quality = setting.quality,
                               .inter = setting.inter,
                               .matrix = i420 ? picture.matrix : ColorMatrix::kBt601,
                               .full_range = i420 && picture.full_range};
  std::shared_ptr<Picture> fitted;
  if (!i420 || picture.width() != wanted.width || picture.height() != wanted.height)
    fitted = to_i420(picture, wanted.width, wanted.height, wanted.matrix, wanted.full_range, &pool);
  if (!video || video->options() != wanted) {
    video.reset();
    video = std::make_unique<VideoEncoder>(wanted);
  }
  auto unit = video->encode(fitted ? *fitted : picture, key_wanted);
  to.bytes = std::make_shared<const Bytes>(std::move(unit.bytes));
  to.key = unit.key;
  to.stored = {wanted.width, wanted.height};
}

std::optional<Encoded> KnobChain::Impl::apply(const Picture& picture, PictureSize original, const Frame* frame) {
  if (picture.format() == PixelFormat::kBgr) {
    // One conversion at the front, of whole frames: cameras deliver I420, so this is the rare way.
    const auto planes = to_i420(picture, &pool);
    return apply(*planes, original, nullptr);
  }
  if (!judge(picture, original)) return std::nullopt;
  Encoded encoded;
  encoded.original = original;
  if (frame && !frame->jpeg && setting.codec == Codec::kJpeg && keeps_pixels(setting, original)) {
    encoded.bytes = jpeg_of(*frame, setting.quality);  // once a frame, whoever else wants it
    encoded.stored = original;
  } else {
    const auto changed = change(picture, original);
    encode(changed ? *changed : picture, encoded);
  }
  note_sent();
  return encoded;
}

std::optional<Encoded> KnobChain::Impl::apply(const Frame& frame) {
  const KnobSetting& s = setting;
  if (frame.picture || !frame.jpeg) {
    const auto pixels = pixels_of(frame);
    return apply(*pixels, size_of(*pixels), &frame);
  }
  const auto [width, height] = jpeg_size(*frame.jpeg);
  const PictureSize original{width, height};
  const bool as_it_is = s.codec == Codec::kJpeg && s.quality == KnobSetting{}.quality && keeps_pixels(s, original);
  if (as_it_is && s.difference <= 0) {
    note_sent();
    return Encoded{frame.jpeg, Codec::kJpeg, true, original, original};
  }
  // The decoder shrinks by 2 or 4 for less than nothing, where the stored picture or the small luma is all there is to
  // make.
  const PictureSize size = stored_size(original, s);
  const int side = as_it_is ? std::max(width, height) / SmallLuma::kStep : std::max(size.width, size.height);
  const int longest = std::max(side, std::max(width, height) / SmallLuma::kStep);
  if (longest * 2 > std::max(width, height)) {
    const auto pixels = pixels_of(frame);
    if (!as_it_is) return apply(*pixels, original, &frame);
    if (!judge(*pixels, original)) return std::nullopt;
  } else {
    const auto pixels = decode_jpeg(*frame.jpeg, &pool, {.format = PixelFormat::kI420, .max_side_px = longest});
    if (!as_it_is) return apply(*pixels, original, nullptr);
    if (!judge(*pixels, original)) return std::nullopt;
  }
  note_sent();
  return Encoded{frame.jpeg, Codec::kJpeg, true, original, original};
}

KnobChain::KnobChain(const KnobSetting& setting) : impl_(std::make_unique<Impl>(setting)) {}
KnobChain::~KnobChain() = default;
KnobChain::KnobChain(KnobChain&&) noexcept = default;
KnobChain& KnobChain::operator=(KnobChain&&) noexcept = default;

void KnobChain::set(const KnobSetting& setting) {
  check(setting);
  if (setting.codec == Codec::kJpeg) impl_->video.reset();
  if (setting.difference <= 0) impl_->differencing.forget();
  impl_->setting = setting;
}

const KnobSetting& KnobChain::setting() const { return impl_->setting; }
void KnobChain::request_key() { impl_->key_wanted = true; }

std::optional<Encoded> KnobChain::apply(const Picture& picture) {
  return impl_->apply(picture, size_of(picture), nullptr);
}

std::optional<Encoded> KnobChain::apply(const Frame& frame) {
  auto encoded = impl_->apply(frame);
  if (encoded && frame.width > 0 && frame.height > 0) encoded->original = {frame.width, frame.height};
  return encoded;
}

struct KnobDecoder::Impl {
  std::unique_ptr<VideoDecoder> video;
  Codec codec = Codec::kJpeg;
  std::shared_ptr<BufferPool> pool = std::make_shared<BufferPool>(BufferPool::Options{.max_idle_bytes = 32U << 20});
};

KnobDecoder::KnobDecoder() : impl_(std::make_unique<Impl>()) {}
KnobDecoder::~KnobDecoder() = default;
KnobDecoder::KnobDecoder(KnobDecoder&&) noexcept = default;
KnobDecoder& KnobDecoder::operator=(KnobDecoder&&) noexcept = default;

std::shared_ptr<const Picture> KnobDecoder::decode(const Encoded& encoded, BufferPool* pool) {
  VEDETTE_ASSERT(encoded.bytes != nullptr);
  if (encoded.codec == Codec::kJpeg) return decode_jpeg(*encoded.bytes, pool ? pool : impl_->pool.get());
  if (!impl_->video || impl_->codec != encoded.codec) {
    impl_->video = std::make_unique<VideoDecoder>(encoded.codec, impl_->pool);
    impl_->codec = encoded.codec;
  }
  return impl_->video->decode(*encoded.bytes);
}

}  // namespace vedette::media
