#include "vedette/media/decoder.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>
#include <libavutil/imgutils.h>
}

#include <algorithm>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/media/av_picture.h"

namespace vedette::media {
namespace {

constexpr int64_t kMostPixels = int64_t{Picture::kLargestSide} * Picture::kLargestSide;

int rounded_up(int value, int step) { return (value + step - 1) / step * step; }

bool decodes_into_pool(int format) { return format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUVJ420P; }

}  // namespace

namespace {

/// FFmpeg's name for the codec, or the four letters by which the container names one that FFmpeg does not know.
std::string codec_name(const AVCodecParameters& parameters) {
  if (parameters.codec_id != AV_CODEC_ID_NONE) return avcodec_get_name(parameters.codec_id);
  char text[AV_FOURCC_MAX_STRING_SIZE];
  return "'" + std::string(av_fourcc_make_string(text, parameters.codec_tag)) + "'";
}

}  // namespace

struct Decoder::Impl {
  AvPtr<AVCodecContext> context;
  AvPtr<AVBufferRef> device;
  AVPixelFormat hardware_format = AV_PIX_FMT_NONE;
  AvPtr<AVFrame> frame = new_av_frame();
  AvPtr<AVFrame> downloaded = new_av_frame();
  std::shared_ptr<BufferPool> pool;
  bool refused_large = false;

  static int get_buffer(AVCodecContext* context, AVFrame* frame, int flags);
  static AVPixelFormat get_format(AVCodecContext* context, const AVPixelFormat* formats);
  void open_hardware(const AVCodec& codec, const std::string& name);

  Status failure() { return std::exchange(refused_large, false) ? Status::kTooLarge : Status::kCorrupt; }
};

/// The planes of one picture in one buffer of the pool: rows of 64 bytes' alignment, chroma exactly half the luma's
/// stride as some decoders assume, and room to overrun behind each plane.
int Decoder::Impl::get_buffer(AVCodecContext* context, AVFrame* frame, int flags) {
  auto& self = *static_cast<Impl*>(context->opaque);
  if (frame->width > Picture::kLargestSide || frame->height > Picture::kLargestSide) {
    self.refused_large = true;
    return AVERROR(EINVAL);
  }
  if (!decodes_into_pool(frame->format) || !(context->codec->capabilities & AV_CODEC_CAP_DR1))
    return avcodec_default_get_buffer2(context, frame, flags);
  int width = frame->width, height = frame->height;
  int alignment[AV_NUM_DATA_POINTERS];
  avcodec_align_dimensions2(context, &width, &height, alignment);
  const int luma_stride = rounded_up(width, 128), chroma_stride = luma_stride / 2;
  constexpr size_t kOverrun = 128;  // keeps planes on 64-byte boundaries, as both strides are multiples of 64
  const auto bytes = [&](int stride, int rows) {
    return static_cast<size_t>(stride) * static_cast<size_t>(rows) + kOverrun;
  };
  const size_t luma = bytes(luma_stride, height), chroma = bytes(chroma_stride, (height + 1) / 2);
  try {
    using Held = std::shared_ptr<uint8_t>;
    auto held = std::make_unique<Held>(self.pool->acquire(luma + 2 * chroma));
    uint8_t* const memory = held->get();
    const auto release = [](void* opaque, uint8_t*) { delete static_cast<Held*>(opaque); };
    frame->buf[0] = av_buffer_create(memory, luma + 2 * chroma, release, held.get(), 0);
    if (!frame->buf[0]) return AVERROR(ENOMEM);
    static_cast<void>(held.release());  // frame->buf[0] owns it
    frame->data[0] = memory;
    frame->data[1] = memory + luma;
    frame->data[2] = frame->data[1] + chroma;
    frame->linesize[0] = luma_stride;
    frame->linesize[1] = frame->linesize[2] = chroma_stride;
    frame->extended_data = frame->data;
  } catch (...) {
    return AVERROR(ENOMEM);
  }
  return 0;
}

AVPixelFormat Decoder::Impl::get_format(AVCodecContext* context, const AVPixelFormat* formats) {
  const auto& self = *static_cast<Impl*>(context->opaque);
  for (const AVPixelFormat* f = formats; *f != AV_PIX_FMT_NONE; ++f)
    if (*f == self.hardware_format) return *f;
  return avcodec_default_get_format(context, formats);
}

void Decoder::Impl::open_hardware(const AVCodec& codec, const std::string& name) {
  const AVHWDeviceType type = av_hwdevice_find_type_by_name(name.c_str());
  for (int i = 0;; ++i) {
    const AVCodecHWConfig* config = avcodec_get_hw_config(&codec, i);
    if (!config)
      throw Error(ErrorCode::kUnavailable, "FFmpeg has no " + name + " decoder for " + codec.name,
                  "leave out hardware");
    if (config->device_type == type && (config->methods & AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX)) {
      hardware_format = config->pix_fmt;
      break;
    }
  }
  AVBufferRef* opened = nullptr;
  const int failed = av_hwdevice_ctx_create(&opened, type, nullptr, nullptr, 0);
  if (failed < 0) {
    throw Error(ErrorCode::kUnavailable, "the " + name + " decoding device does not open: " + av_error_text(failed),
                "is its driver installed, and may this user use it? Leave out hardware to decode on the CPU");
  }
  device.reset(opened);
  context->hw_device_ctx = av_buffer_ref(opened);
  context->get_format = get_format;
}

Decoder::Decoder(const AVCodecParameters& parameters, const Options& options, std::shared_ptr<BufferPool> pool)
    : impl_(std::make_unique<Impl>()) {
  route_av_log();
  VEDETTE_ASSERT(pool);
  impl_->pool = std::move(pool);
  const AVCodec* codec = avcodec_find_decoder(parameters.codec_id);
  if (!codec) {
    throw Error(ErrorCode::kInvalidData, "no decoder for video codec " + codec_name(parameters),
                "set the camera or encoder to H.264, H.265 or MJPEG");
  }
  impl_->context.reset(avcodec_alloc_context3(codec));
  AVCodecContext* context = impl_->context.get();
  if (!context || avcodec_parameters_to_context(context, &parameters) < 0)
    throw Error(ErrorCode::kExhausted, "no memory for a video decoder");
  context->opaque = impl_.get();
  context->get_buffer2 = Impl::get_buffer;
  context->max_pixels = kMostPixels;
  context->thread_count = std::max(1, options.threads);
  if (!options.hardware.empty()) impl_->open_hardware(*codec, options.hardware);
  const int failed = avcodec_open2(context, codec, nullptr);
  if (failed < 0)
    throw Error(ErrorCode::kInvalidData,
                std::string("the ") + codec->name + " decoder does not start: " + av_error_text(failed));
}

Decoder::~Decoder() = default;

Decoder::Status Decoder::send(const AVPacket* packet) {
  const int result = avcodec_send_packet(impl_->context.get(), packet);
  if (result == 0 || result == AVERROR_EOF) return Status::kMore;
  return impl_->failure();
}

Decoder::Result Decoder::receive() {
  Result result;
  AVFrame* frame = impl_->frame.get();
  const int error = avcodec_receive_frame(impl_->context.get(), frame);
  if (error < 0) {
    result.status = error == AVERROR(EAGAIN) ? Status::kMore : error == AVERROR_EOF ? Status::kEnd : impl_->failure();
    return result;
  }
  if (frame->best_effort_timestamp != AV_NOPTS_VALUE) result.pts = frame->best_effort_timestamp;
  if (frame->width < 1 || frame->height < 1) {
    result.status = Status::kEmpty;
  } else if (frame->width > Picture::kLargestSide || frame->height > Picture::kLargestSide) {
    result.status = Status::kTooLarge;
  } else {
    AVFrame* pixels = frame;
    if (impl_->hardware_format != AV_PIX_FMT_NONE && frame->format == impl_->hardware_format) {
      pixels = impl_->downloaded.get();
      av_frame_unref(pixels);
      if (av_hwframe_transfer_data(pixels, frame, 0) < 0 || av_frame_copy_props(pixels, frame) < 0) pixels = nullptr;
    }
    result.status = pixels ? Status::kPicture : Status::kCorrupt;
    const bool ours = pixels == frame && decodes_into_pool(frame->format) &&
                      (impl_->context->codec->capabilities & AV_CODEC_CAP_DR1) && frame->buf[0] && !frame->buf[1];
    if (pixels) result.picture = picture_of(*pixels, ours, impl_->pool.get());
  }
  av_frame_unref(frame);
  return result;
}

void Decoder::flush() { avcodec_flush_buffers(impl_->context.get()); }

double Decoder::fps() const {
  const AVRational rate = impl_->context->framerate;
  return rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0;
}

std::vector<std::string> hardware_names() {
  std::vector<std::string> names;
  for (AVHWDeviceType type = AV_HWDEVICE_TYPE_NONE; (type = av_hwdevice_iterate_types(type)) != AV_HWDEVICE_TYPE_NONE;)
    names.emplace_back(av_hwdevice_get_type_name(type));
  return names;
}

void check_hardware_name(const std::string& name) {
  if (name.empty() || av_hwdevice_find_type_by_name(name.c_str()) != AV_HWDEVICE_TYPE_NONE) return;
  const auto names = hardware_names();
  throw Error(ErrorCode::kUsage, "FFmpeg here has no hardware decoding called '" + name + "'",
              names.empty() ? "it has none at all" : did_you_mean(name, names));
}

}  // namespace vedette::media
