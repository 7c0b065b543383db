#include "vedette/media/inter_codec.h"

extern "C" {
#include <libavcodec/avcodec.h>
}

#include <cstring>
#include <new>
#include <string>

#include "vedette/base/error.h"
#include "vedette/media/av_handles.h"
#include "vedette/media/decoder.h"

namespace vedette::media {
namespace {

AvPtr<AVCodecContext> open_encoder(const VideoEncoder::Options& o) {
  route_av_log();
  const bool h264 = o.codec == Codec::kH264;
  const char* name = h264 ? "libx264" : "libx265";
  const AVCodec* codec = avcodec_find_encoder_by_name(name);
  if (!codec) {
    throw Error(ErrorCode::kUnavailable, std::string("FFmpeg here has no encoder ") + name,
                "use JPEG, or an FFmpeg that was built with it");
  }
  AvPtr<AVCodecContext> context(avcodec_alloc_context3(codec));
  if (!context) throw std::bad_alloc();
  context->width = o.width;
  context->height = o.height;
  context->pix_fmt = AV_PIX_FMT_YUV420P;
  context->time_base = {1, 25};  // of no consequence: times travel beside the frames
  context->framerate = {25, 1};
  context->gop_size = o.inter ? VideoEncoder::kKeyInterval : 1;
  context->max_b_frames = 0;
  context->thread_count = 1;
  context->colorspace = o.matrix == ColorMatrix::kBt709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
  context->color_range = o.full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  AvOptions options;
  options.set("preset", "ultrafast");
  options.set("tune", "zerolatency");
  options.set("crf", std::to_string(o.quality));
  options.set("forced-idr", "1");
  if (!h264) {
    options.set("x265-params",
                std::string("log-level=error:repeat-headers=1:pools=none:frame-threads=1:wpp=0:no-info=1") +
                    (o.inter ? ":scenecut=0:open-gop=0" : ""));
  } else if (o.inter) {
    options.set("sc_threshold", "0");
  }
  const int error = avcodec_open2(context.get(), codec, options.get());
  if (error < 0) {
    throw Error(ErrorCode::kUnavailable,
                std::string("the encoder ") + name + " does not start: " + av_error_text(error), "use JPEG");
  }
  return context;
}

}  // namespace

struct VideoEncoder::Impl {
  explicit Impl(const Options& o) : options(o), context(open_encoder(o)) {}

  [[noreturn]] void fail(int error) const {
    throw Error(ErrorCode::kInternal,
                "a picture does not become " + std::string(to_string(options.codec)) + ": " + av_error_text(error));
  }

  const Options options;
  AvPtr<AVCodecContext> context;
  AvPtr<AVFrame> frame = new_av_frame();
  AvPtr<AVPacket> packet = new_av_packet();
  int64_t next = 0;
};

VideoEncoder::VideoEncoder(const Options& options) : impl_(std::make_unique<Impl>(options)) {}
VideoEncoder::~VideoEncoder() = default;
const VideoEncoder::Options& VideoEncoder::options() const { return impl_->options; }

VideoEncoder::AccessUnit VideoEncoder::encode(const Picture& picture, bool key) {
  const Options& o = impl_->options;
  VEDETTE_ASSERT(picture.format() == PixelFormat::kI420 && picture.width() == o.width && picture.height() == o.height);
  AVFrame* frame = impl_->frame.get();
  av_frame_unref(frame);
  for (int i = 0; i < 3; ++i) {
    frame->data[i] = picture.plane(i).data;
    frame->linesize[i] = picture.plane(i).stride_bytes;
  }
  frame->format = AV_PIX_FMT_YUV420P;
  frame->width = o.width;
  frame->height = o.height;
  frame->pts = impl_->next++;
  frame->pict_type = key || !o.inter ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
  int error = avcodec_send_frame(impl_->context.get(), frame);
  if (error < 0) impl_->fail(error);
  error = avcodec_receive_packet(impl_->context.get(), impl_->packet.get());
  if (error < 0) impl_->fail(error);
  AVPacket* packet = impl_->packet.get();
  AccessUnit unit{Bytes(packet->data, packet->data + packet->size), (packet->flags & AV_PKT_FLAG_KEY) != 0};
  av_packet_unref(packet);
  return unit;
}

struct VideoDecoder::Impl {
  Impl(const AVCodecParameters& parameters, std::shared_ptr<BufferPool> pool)
      : decoder(parameters, {}, std::move(pool)) {}

  Decoder decoder;
  AvPtr<AVPacket> packet = new_av_packet();
  bool started = false;  // a key frame has come
};

VideoDecoder::VideoDecoder(Codec codec, std::shared_ptr<BufferPool> pool) {
  AVCodecParameters* parameters = avcodec_parameters_alloc();
  if (!parameters) throw std::bad_alloc();
  const std::unique_ptr<AVCodecParameters, void (*)(AVCodecParameters*)> owner(
      parameters, [](AVCodecParameters* p) { avcodec_parameters_free(&p); });
  parameters->codec_type = AVMEDIA_TYPE_VIDEO;
  parameters->codec_id = codec == Codec::kH264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_HEVC;
  impl_ = std::make_unique<Impl>(*parameters, std::move(pool));
}
VideoDecoder::~VideoDecoder() = default;

std::shared_ptr<const Picture> VideoDecoder::decode(std::span<const uint8_t> access_unit) {
  AVPacket* packet = impl_->packet.get();
  if (access_unit.empty() || access_unit.size() > (1U << 30) ||
      av_new_packet(packet, static_cast<int>(access_unit.size())) < 0)
    throw Error(ErrorCode::kInvalidData, "a video frame is empty or too large");
  std::memcpy(packet->data, access_unit.data(), access_unit.size());
  const Decoder::Status sent = impl_->decoder.send(packet);
  av_packet_unref(packet);
  std::shared_ptr<const Picture> newest;
  bool corrupt = sent == Decoder::Status::kCorrupt;
  for (;;) {
    Decoder::Result result = impl_->decoder.receive();
    if (result.status == Decoder::Status::kMore || result.status == Decoder::Status::kEnd) break;
    if (result.picture)
      newest = std::move(result.picture);
    else
      corrupt = true;
  }
  if (newest) impl_->started = true;
  if (!newest && corrupt && impl_->started)
    throw Error(ErrorCode::kInvalidData, "a video frame does not decode",
                "it is damaged, or leans on one that is missing");
  return newest;
}

}  // namespace vedette::media
