// The NV12 loop is what a vectoriser is for, and -O2 leaves it scalar in GCC 12.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#include "vedette/media/av_picture.h"

extern "C" {
#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
}

#include <cstring>
#include <new>

#include "vedette/media/av_handles.h"
#include "vedette/media/sws.h"

namespace vedette::media {
namespace {

ColorMatrix matrix_of(const AVFrame& frame) {
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709: return ColorMatrix::kBt709;
    case AVCOL_SPC_UNSPECIFIED: return frame.height >= 720 ? ColorMatrix::kBt709 : ColorMatrix::kBt601;
    default: return ColorMatrix::kBt601;
  }
}

bool is_full_range(const AVFrame& frame) {
  switch (frame.format) {
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ444P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ411P: return true;
    default: return frame.color_range == AVCOL_RANGE_JPEG;
  }
}

bool aligned_for_picture(const AVFrame& frame) {
  for (int i = 0; i < 3; ++i) {
    const bool ok = frame.data[i] && reinterpret_cast<uintptr_t>(frame.data[i]) % 64 == 0 && frame.linesize[i] > 0 &&
                    frame.linesize[i] % 64 == 0;
    if (!ok) return false;
  }
  // Cropping by the decoder eats into the room behind the rows; 64 aligned bytes must remain.
  const int least = (frame.width + 63) / 64 * 64;
  return frame.linesize[0] >= least && frame.linesize[1] >= ((frame.width + 1) / 2 + 63) / 64 * 64;
}

void copy_plane(const uint8_t* from, int stride, const Plane& to) {
  for (int y = 0; y < to.height; ++y)
    std::memcpy(to.data + static_cast<ptrdiff_t>(y) * to.stride_bytes, from + static_cast<ptrdiff_t>(y) * stride,
                static_cast<size_t>(to.width));
}

void unzip_row(const uint8_t* __restrict from, uint8_t* __restrict u, uint8_t* __restrict v, int width) {
  for (int x = 0; x < width; ++x) {
    u[x] = from[2 * x];
    v[x] = from[2 * x + 1];
  }
}

std::shared_ptr<Picture> shared_planes(const AVFrame& frame) {
  AvPtr<AVFrame> reference(av_frame_clone(&frame));
  if (!reference) throw std::bad_alloc();
  const std::array<uint8_t*, 3> data{frame.data[0], frame.data[1], frame.data[2]};
  const std::array<int, 3> strides{frame.linesize[0], frame.linesize[1], frame.linesize[2]};
  return Picture::wrap(PixelFormat::kI420, frame.width, frame.height, data, strides,
                       std::shared_ptr<AVFrame>(std::move(reference)));
}

/// RGB and palette pictures have no matrix of their own: they become BT.601, video range.
void convert_any(const AVFrame& frame, Picture& to) {
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  const bool gray = description && description->nb_components <= 2;
  const bool rgb = description && (description->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL));
  SwsImage source, target;
  for (size_t i = 0; i < 4; ++i) {
    source.data[i] = frame.data[i];
    source.strides[i] = frame.linesize[i];
    if (i < 3) {
      target.data[i] = to.plane(static_cast<int>(i)).data;
      target.strides[i] = to.plane(static_cast<int>(i)).stride_bytes;
    }
  }
  source.width = target.width = frame.width;
  source.height = target.height = frame.height;
  source.av_format = frame.format;
  target.av_format = AV_PIX_FMT_YUV420P;
  if (rgb || gray) {
    to.matrix = ColorMatrix::kBt601;
    to.full_range = false;
    source.full_range = true;
  } else {
    source.full_range = target.full_range = to.full_range;
    source.bt709 = target.bt709 = to.matrix == ColorMatrix::kBt709;
  }
  sws_convert(source, target);
}

}  // namespace

std::shared_ptr<Picture> picture_of(const AVFrame& frame, bool in_our_memory, BufferPool* pool) {
  std::shared_ptr<Picture> picture;
  const bool i420 = frame.format == AV_PIX_FMT_YUV420P || frame.format == AV_PIX_FMT_YUVJ420P;
  const bool share = i420 && in_our_memory && aligned_for_picture(frame);
  picture = share ? shared_planes(frame) : Picture::make(PixelFormat::kI420, frame.width, frame.height, pool);
  picture->matrix = matrix_of(frame);
  picture->full_range = is_full_range(frame);
  if (share) return picture;
  if (i420) {
    for (int i = 0; i < 3; ++i) copy_plane(frame.data[i], frame.linesize[i], picture->plane(i));
  } else if (frame.format == AV_PIX_FMT_NV12) {
    copy_plane(frame.data[0], frame.linesize[0], picture->plane(0));
    const Plane& u = picture->plane(1);
    for (int y = 0; y < u.height; ++y) {
      const ptrdiff_t at = static_cast<ptrdiff_t>(y) * u.stride_bytes;
      unzip_row(frame.data[1] + static_cast<ptrdiff_t>(y) * frame.linesize[1], u.data + at, picture->plane(2).data + at,
                u.width);
    }
  } else {
    convert_any(frame, *picture);
  }
  return picture;
}

}  // namespace vedette::media
