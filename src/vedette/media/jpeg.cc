#include "vedette/media/jpeg.h"

#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "vedette/base/error.h"
#include "vedette/media/convert.h"
#include "vedette/media/jpeg_planes.h"
#include "vedette/media/sws.h"

extern "C" {
#include <libavutil/pixfmt.h>
}

namespace vedette::media {
namespace {

constexpr uint64_t kJpegKey = 0x6d65646961010000u;  // + quality; convert.cc has others

/// TurboJPEG's state. Made anew for each picture that is decoded: it keeps Huffman tables, so a damaged picture, or one
/// with tables of its own, would spoil the next that has none (as in many MJPEG streams). Making one costs
/// microseconds.
class Turbo {
 public:
  explicit Turbo(tjhandle handle) : handle_(handle) {
    if (!handle_)
      throw Error(ErrorCode::kExhausted, "TurboJPEG does not start: " + std::string(tjGetErrorStr2(nullptr)));
  }
  ~Turbo() { tjDestroy(handle_); }
  Turbo(const Turbo&) = delete;
  Turbo& operator=(const Turbo&) = delete;
  tjhandle get() const { return handle_; }

 private:
  tjhandle handle_;
};

tjhandle compressor() {
  thread_local const Turbo turbo(tjInitCompress());
  return turbo.get();
}

struct Header {
  int width = 0, height = 0, subsampling = 0, colors = 0;
};

Header read_header(tjhandle turbo, std::span<const uint8_t> jpeg) {
  Header h;
  const int failed = jpeg.empty() ? -1
                                  : tjDecompressHeader3(turbo, jpeg.data(), jpeg.size(), &h.width, &h.height,
                                                        &h.subsampling, &h.colors);
  // Warnings also come back as −1, and tables without a picture as success; a size that was read decides.
  const bool warned = failed != 0 && !jpeg.empty() && tjGetErrorCode(turbo) == TJERR_WARNING;
  if ((failed != 0 && !warned) || h.width < 1 || h.height < 1) {
    throw Error(ErrorCode::kInvalidData, "not a JPEG picture: " + std::string(jpeg.empty() ? "it is empty"
                                                                              : failed     ? tjGetErrorStr2(turbo)
                                                                                           : "it has no picture"));
  }
  return h;
}

/// TurboJPEG calls a cut-off picture a warning: what is there is kept.
void check_decoded(tjhandle turbo, int result) {
  if (result != 0 && tjGetErrorCode(turbo) != TJERR_WARNING)
    throw Error(ErrorCode::kInvalidData, "a JPEG picture does not decode: " + std::string(tjGetErrorStr2(turbo)));
}

/// The scaled size: the smallest of 1/1, 1/2, 1/4, 1/8 that keeps `max_side_px`.
std::pair<int, int> scaled_size(const Header& h, int max_side_px) {
  int denominator = 1;
  if (max_side_px > 0)
    while (denominator < 8 && std::max(h.width, h.height) / (denominator * 2) >= max_side_px) denominator *= 2;
  const tjscalingfactor factor{1, denominator};
  return {TJSCALED(h.width, factor), TJSCALED(h.height, factor)};
}

std::shared_ptr<Picture> decode_packed(tjhandle turbo, std::span<const uint8_t> jpeg, PixelFormat format,
                                       std::pair<int, int> size, BufferPool* pool) {
  auto picture = Picture::make(format, size.first, size.second, pool);
  const Plane& plane = picture->plane(0);
  check_decoded(turbo, tjDecompress2(turbo, jpeg.data(), jpeg.size(), plane.data, plane.width, plane.stride_bytes,
                                     plane.height, format == PixelFormat::kBgr ? TJPF_BGR : TJPF_GRAY, 0));
  return picture;
}

/// The decoder's own planes, in the JPEG's subsampling. TurboJPEG pads them to whole chroma samples.
struct RawPlanes {
  std::array<std::shared_ptr<Picture>, 3> memory;
  std::array<unsigned char*, 3> data{};
  std::array<int, 3> strides{};
};

RawPlanes decode_planes(tjhandle turbo, std::span<const uint8_t> jpeg, int subsampling, std::pair<int, int> size,
                        BufferPool* pool) {
  RawPlanes raw;
  for (int i = 0; i < (subsampling == TJSAMP_GRAY ? 1 : 3); ++i) {
    const auto at = static_cast<size_t>(i);
    raw.memory[at] = Picture::make(PixelFormat::kGray, tjPlaneWidth(i, size.first, subsampling),
                                   tjPlaneHeight(i, size.second, subsampling), pool);
    const Plane& plane = raw.memory[at]->plane(0);
    raw.data[at] = plane.data;
    raw.strides[at] = plane.stride_bytes;
  }
  check_decoded(turbo, tjDecompressToYUVPlanes(turbo, jpeg.data(), jpeg.size(), raw.data.data(), size.first,
                                               raw.strides.data(), size.second, 0));
  return raw;
}

int av_format_of(int subsampling) {
  switch (subsampling) {
    case TJSAMP_444: return AV_PIX_FMT_YUV444P;
    case TJSAMP_422: return AV_PIX_FMT_YUV422P;
    case TJSAMP_420: return AV_PIX_FMT_YUV420P;
    case TJSAMP_440: return AV_PIX_FMT_YUV440P;
    case TJSAMP_411: return AV_PIX_FMT_YUV411P;
    case TJSAMP_GRAY: return AV_PIX_FMT_GRAY8;
    default: return AV_PIX_FMT_NONE;
  }
}

std::shared_ptr<Picture> decode_i420(tjhandle turbo, std::span<const uint8_t> jpeg, const Header& header,
                                     std::pair<int, int> size, BufferPool* pool) {
  if ((header.colors != TJCS_YCbCr && header.colors != TJCS_GRAY) ||
      av_format_of(header.subsampling) == AV_PIX_FMT_NONE)
    return to_i420(*decode_packed(turbo, jpeg, PixelFormat::kBgr, size, nullptr), pool);
  auto picture = Picture::make(PixelFormat::kI420, size.first, size.second, pool);
  picture->full_range = true;
  std::array<unsigned char*, 3> data{};
  std::array<int, 3> strides{};
  for (size_t i = 0; i < 3; ++i) {
    const Plane& plane = picture->plane(static_cast<int>(i));
    data[i] = plane.data;
    strides[i] = plane.stride_bytes;
  }
  if (header.subsampling == TJSAMP_420 && size.first % 2 == 0 && size.second % 2 == 0) {
    check_decoded(turbo, tjDecompressToYUVPlanes(turbo, jpeg.data(), jpeg.size(), data.data(), size.first,
                                                 strides.data(), size.second, 0));
    return picture;
  }
  const RawPlanes raw = decode_planes(turbo, jpeg, header.subsampling, size, pool);
  if (header.subsampling == TJSAMP_420 || header.subsampling == TJSAMP_GRAY) {
    for (size_t i = 0; i < 3; ++i) {
      const Plane& to = picture->plane(static_cast<int>(i));
      for (int y = 0; y < to.height; ++y) {
        uint8_t* row = to.data + static_cast<ptrdiff_t>(y) * to.stride_bytes;
        if (raw.data[i])
          std::memcpy(row, raw.data[i] + static_cast<ptrdiff_t>(y) * raw.strides[i], static_cast<size_t>(to.width));
        else
          std::memset(row, 128, static_cast<size_t>(to.width));
      }
    }
    return picture;
  }
  SwsImage from, to;
  for (size_t i = 0; i < 3; ++i) {
    from.data[i] = raw.data[i];
    from.strides[i] = raw.strides[i];
    to.data[i] = data[i];
    to.strides[i] = strides[i];
  }
  from.width = to.width = size.first;
  from.height = to.height = size.second;
  from.full_range = to.full_range = true;
  from.av_format = av_format_of(header.subsampling);
  to.av_format = AV_PIX_FMT_YUV420P;
  sws_convert(from, to);
  return picture;
}

}  // namespace

Bytes encode_jpeg(const Picture& picture, int quality) {
  quality = std::clamp(quality, 1, 100);
  const tjhandle turbo = compressor();
  const int width = picture.width(), height = picture.height();
  const int subsampling = picture.format() == PixelFormat::kGray ? TJSAMP_GRAY : TJSAMP_420;
  Bytes bytes(tjBufSize(width, height, subsampling));
  unsigned char* at = bytes.data();
  unsigned long size = bytes.size();  // NOLINT: TurboJPEG's own type
  int failed = 0;
  if (picture.format() == PixelFormat::kI420) {
    const auto full = jpeg_planes(picture);
    const Picture& source = full ? *full : picture;
    std::array<const unsigned char*, 3> data{};
    std::array<int, 3> strides{};
    for (size_t i = 0; i < 3; ++i) {
      data[i] = source.plane(static_cast<int>(i)).data;
      strides[i] = source.plane(static_cast<int>(i)).stride_bytes;
    }
    failed = tjCompressFromYUVPlanes(turbo, data.data(), width, strides.data(), height, subsampling, &at, &size,
                                     quality, TJFLAG_NOREALLOC);
  } else {
    const Plane& plane = picture.plane(0);
    failed = tjCompress2(turbo, plane.data, width, plane.stride_bytes, height,
                         picture.format() == PixelFormat::kBgr ? TJPF_BGR : TJPF_GRAY, &at, &size, subsampling, quality,
                         TJFLAG_NOREALLOC);
  }
  if (failed)
    throw Error(ErrorCode::kInternal, "a picture does not become a JPEG: " + std::string(tjGetErrorStr2(turbo)));
  return Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
}

std::shared_ptr<Picture> decode_jpeg(std::span<const uint8_t> jpeg, BufferPool* pool, JpegDecodeOptions options) {
  const Turbo owner(tjInitDecompress());
  const tjhandle turbo = owner.get();
  const Header header = read_header(turbo, jpeg);
  if (header.width > Picture::kLargestSide || header.height > Picture::kLargestSide) {
    throw Error(ErrorCode::kInvalidData,
                "a JPEG picture of " + std::to_string(header.width) + "x" + std::to_string(header.height) +
                    " pixels is refused",
                "sides from 1 to " + std::to_string(Picture::kLargestSide) + " are taken");
  }
  const auto size = scaled_size(header, options.max_side_px);
  if (options.format == PixelFormat::kI420) return decode_i420(turbo, jpeg, header, size, pool);
  return decode_packed(turbo, jpeg, options.format, size, pool);
}

std::pair<int, int> jpeg_size(std::span<const uint8_t> jpeg) {
  const Turbo turbo(tjInitDecompress());
  const Header header = read_header(turbo.get(), jpeg);
  return {header.width, header.height};
}

std::pair<int, int> pixel_size(const Frame& frame) {
  if (frame.picture) return {frame.picture->width(), frame.picture->height()};
  if (!frame.jpeg) throw Error(ErrorCode::kUnavailable, "the frame came from another node without its picture");
  return jpeg_size(*frame.jpeg);
}

std::shared_ptr<const Bytes> jpeg_of(const Frame& frame, int quality) {
  if (frame.jpeg) return frame.jpeg;
  if (!frame.picture) throw Error(ErrorCode::kUnavailable, "the frame came from another node without its picture");
  quality = std::clamp(quality, 1, 100);
  return frame.derived<Bytes>(kJpegKey + static_cast<uint64_t>(quality),
                              [&] { return std::make_shared<const Bytes>(encode_jpeg(*frame.picture, quality)); });
}

}  // namespace vedette::media
