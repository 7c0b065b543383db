#include "vedette/media/sws.h"

extern "C" {
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <algorithm>
#include <list>

#include "vedette/base/error.h"
#include "vedette/media/av_handles.h"

namespace vedette::media {
namespace {

constexpr size_t kContextsPerThread = 6;

struct Side {
  int width, height, format;
  bool bt709, full_range;
  friend bool operator==(const Side&, const Side&) = default;
};

struct Ready {
  Side from, to;
  AvPtr<SwsContext> context;
};

Side side_of(const SwsImage& image) {
  Side side{image.width, image.height, image.av_format, image.bt709, image.full_range};
  switch (image.av_format) {
    case AV_PIX_FMT_YUVJ420P: side.format = AV_PIX_FMT_YUV420P; break;
    case AV_PIX_FMT_YUVJ422P: side.format = AV_PIX_FMT_YUV422P; break;
    case AV_PIX_FMT_YUVJ444P: side.format = AV_PIX_FMT_YUV444P; break;
    case AV_PIX_FMT_YUVJ440P: side.format = AV_PIX_FMT_YUV440P; break;
    case AV_PIX_FMT_YUVJ411P: side.format = AV_PIX_FMT_YUV411P; break;
    default: return side;
  }
  side.full_range = true;
  return side;
}

SwsContext* context_for(const Side& from, const Side& to) {
  thread_local std::list<Ready> cache;
  const auto hit =
      std::find_if(cache.begin(), cache.end(), [&](const Ready& r) { return r.from == from && r.to == to; });
  if (hit != cache.end()) {
    cache.splice(cache.begin(), cache, hit);
    return cache.front().context.get();
  }
  route_av_log();
  const bool shrinks = to.width < from.width || to.height < from.height;
  const int flags = (shrinks ? SWS_AREA : SWS_BILINEAR);
  AvPtr<SwsContext> context(sws_getContext(from.width, from.height, static_cast<AVPixelFormat>(from.format), to.width,
                                           to.height, static_cast<AVPixelFormat>(to.format), flags, nullptr, nullptr,
                                           nullptr));
  if (!context) {
    const char* name = av_get_pix_fmt_name(static_cast<AVPixelFormat>(from.format));
    throw Error(ErrorCode::kInternal,
                std::string("libswscale cannot convert pictures of format ") + (name ? name : "?"));
  }
  const auto coefficients = [](bool bt709) { return sws_getCoefficients(bt709 ? SWS_CS_ITU709 : SWS_CS_ITU601); };
  sws_setColorspaceDetails(context.get(), coefficients(from.bt709), from.full_range, coefficients(to.bt709),
                           to.full_range, 0, 1 << 16, 1 << 16);
  if (cache.size() >= kContextsPerThread) cache.pop_back();
  cache.push_front({from, to, std::move(context)});
  return cache.front().context.get();
}

}  // namespace

void sws_convert(const SwsImage& from, const SwsImage& to) {
  SwsContext* context = context_for(side_of(from), side_of(to));
  if (sws_scale(context, from.data.data(), from.strides.data(), 0, from.height, to.data.data(), to.strides.data()) < 0)
    throw Error(ErrorCode::kInternal, "libswscale failed to convert a picture");
}

}  // namespace vedette::media
