#include "vedette/media/video_writer.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
}

#include <algorithm>
#include <cmath>
#include <new>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/media/av_handles.h"
#include "vedette/media/convert.h"

namespace vedette::media {
namespace {

/// Divides the usual frame rates, and within the 16 bits that MPEG-4 part 2 has for it.
constexpr AVRational kTimeBase{1, 60000};
constexpr int64_t kLeastStep = kTimeBase.den / 1000;

}  // namespace

void VideoWriterOptions::fields(Fields& f) {
  f.required().text("path", path, "the MP4 file to write");
  f.number("fps", fps, "nominal frames a second", {0.01, 1000});
  f.whole("quality", quality, "constant rate factor: 18 looks lossless, 28 is small", {0, 51});
  f.text("codec", codec, "FFmpeg encoder by name; empty: libx264, else mpeg4");
  f.number("fragment_seconds", fragment_seconds, "at most so much is lost when the process is killed", {0.1, 60});
  f.whole("threads", threads, "threads of the encoder", {1, 64});
}

struct VideoWriter::Impl {
  explicit Impl(const VideoWriterOptions& o) : options(o) {}
  ~Impl() {
    if (format && format->pb) avio_closep(&format->pb);
    avformat_free_context(format);
  }

  void open_file();
  void start(const Picture& first);
  void encode(const AVFrame* frame);
  void finish();
  [[noreturn]] void fail(int error);
  [[noreturn]] void throw_broken() const;

  const VideoWriterOptions options;
  const AVCodec* codec = nullptr;
  AVFormatContext* format = nullptr;
  AvPtr<AVCodecContext> encoder;
  AVStream* stream = nullptr;
  AvPtr<AVFrame> frame = new_av_frame();
  AvPtr<AVPacket> packet = new_av_packet();
  ColorMatrix matrix = ColorMatrix::kBt601;
  bool full_range = false;
  Duration first_time{0};
  int64_t last_pts = -1;
  uint64_t frames = 0;
  bool finished = false;
  int broken = 0;  ///< the error that ended the file, which later calls report again
};

void VideoWriter::Impl::fail(int error) {
  // libavio keeps the first failed write here, while the call that noticed may say something vaguer.
  if (format && format->pb && format->pb->error < 0) error = format->pb->error;
  finished = true;
  if (error == AVERROR(ENOMEM)) throw std::bad_alloc();
  broken = error;
  throw_broken();
}

void VideoWriter::Impl::throw_broken() const {
  const bool from_system = broken > -4096;  // FFmpeg's own numbers are four-letter tags, far below
  if (from_system) throw_errno(-broken, "cannot write '" + options.path + "'");
  throw Error(ErrorCode::kInternal, "cannot write '" + options.path + "': " + av_error_text(broken));
}

void VideoWriter::Impl::open_file() {
  route_av_log();
  if (options.codec.empty()) {
    codec = avcodec_find_encoder_by_name("libx264");
    if (!codec) codec = avcodec_find_encoder(AV_CODEC_ID_MPEG4);
  } else {
    codec = avcodec_find_encoder_by_name(options.codec.c_str());
  }
  if (!codec || codec->type != AVMEDIA_TYPE_VIDEO) {
    throw Error(ErrorCode::kUsage,
                "FFmpeg here has no video encoder '" + (options.codec.empty() ? "mpeg4" : options.codec) + "'",
                "see `ffmpeg -encoders`");
  }
  if (avformat_alloc_output_context2(&format, nullptr, "mp4", nullptr) < 0) throw std::bad_alloc();
  const int error = avio_open(&format->pb, ("file:" + options.path).c_str(), AVIO_FLAG_WRITE);
  if (error < 0) throw_errno(-error, "cannot create '" + options.path + "'");
}

void VideoWriter::Impl::start(const Picture& first) {
  encoder.reset(avcodec_alloc_context3(codec));
  stream = avformat_new_stream(format, nullptr);
  if (!encoder || !stream) throw std::bad_alloc();
  const bool i420 = first.format() == PixelFormat::kI420;
  matrix = i420 ? first.matrix : ColorMatrix::kBt601;
  full_range = i420 && first.full_range;
  encoder->width = (first.width() + 1) / 2 * 2;
  encoder->height = (first.height() + 1) / 2 * 2;
  encoder->pix_fmt = AV_PIX_FMT_YUV420P;
  encoder->time_base = kTimeBase;
  encoder->framerate = av_d2q(options.fps, 100000);
  encoder->gop_size = std::max(1, static_cast<int>(std::lround(options.fps * options.fragment_seconds)));
  encoder->max_b_frames = 0;
  encoder->thread_count = options.threads;
  encoder->colorspace = matrix == ColorMatrix::kBt709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
  encoder->color_range = full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  if (format->oformat->flags & AVFMT_GLOBALHEADER) encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  AvOptions codec_options;
  if (std::string_view(codec->name) == "libx264") {
    codec_options.set("preset", "veryfast");
    codec_options.set("tune", "zerolatency");  // no look-ahead: few frames in memory, none lost with the process
    codec_options.set("crf", std::to_string(options.quality));
  } else {
    encoder->flags |= AV_CODEC_FLAG_QSCALE;
    encoder->global_quality = FF_QP2LAMBDA * std::clamp(1 + options.quality / 6, 1, 31);
  }
  int error = avcodec_open2(encoder.get(), codec, codec_options.get());
  if (error < 0) {
    throw Error(ErrorCode::kUnavailable,
                std::string("the encoder ") + codec->name + " does not start: " + av_error_text(error),
                "choose another with codec");
  }
  stream->time_base = kTimeBase;
  stream->avg_frame_rate = encoder->framerate;
  avcodec_parameters_from_context(stream->codecpar, encoder.get());
  format->flags |= AVFMT_FLAG_FLUSH_PACKETS;
  AvOptions muxer;
  muxer.set("movflags", "+empty_moov+default_base_moof+frag_keyframe");
  muxer.set("frag_duration", std::to_string(std::llround(options.fragment_seconds * 1e6)));
  error = avformat_write_header(format, muxer.get());
  if (error < 0 || format->pb->error < 0) fail(error);
}

void VideoWriter::Impl::encode(const AVFrame* picture) {
  int error = avcodec_send_frame(encoder.get(), picture);
  if (error < 0) fail(error);
  for (;;) {
    error = avcodec_receive_packet(encoder.get(), packet.get());
    if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) return;
    if (error < 0) fail(error);
    av_packet_rescale_ts(packet.get(), kTimeBase, stream->time_base);
    packet->stream_index = stream->index;
    error = av_write_frame(format, packet.get());
    av_packet_unref(packet.get());
    if (error < 0 || format->pb->error < 0) fail(error);
  }
}

void VideoWriter::Impl::finish() {
  if (std::exchange(finished, true)) return;
  if (stream) {
    encode(nullptr);
    const int error = av_write_trailer(format);
    if (error < 0 || format->pb->error < 0) fail(error);
  }
  const int error = avio_closep(&format->pb);
  if (error < 0) fail(error);
}

VideoWriter::VideoWriter(const VideoWriterOptions& options) : impl_(std::make_unique<Impl>(options)) {
  impl_->open_file();
}

VideoWriter::~VideoWriter() {
  try {
    finish();
  } catch (const std::exception& e) {
    log::error("{}", e.what());
  }
}

void VideoWriter::write(const Picture& picture, Duration time) {
  if (impl_->broken) impl_->throw_broken();
  VEDETTE_ASSERT(!impl_->finished);
  if (!impl_->stream) {
    impl_->start(picture);
    impl_->first_time = time;
  }
  const AVCodecContext& encoder = *impl_->encoder;
  std::shared_ptr<Picture> fitted;
  const bool fits = picture.format() == PixelFormat::kI420 && picture.width() == encoder.width &&
                    picture.height() == encoder.height && picture.matrix == impl_->matrix &&
                    picture.full_range == impl_->full_range;
  if (!fits) fitted = to_i420(picture, encoder.width, encoder.height, impl_->matrix, impl_->full_range);
  const Picture& source = fitted ? *fitted : picture;
  AVFrame* frame = impl_->frame.get();
  av_frame_unref(frame);
  for (int i = 0; i < 3; ++i) {
    frame->data[i] = source.plane(i).data;
    frame->linesize[i] = source.plane(i).stride_bytes;
  }
  frame->format = AV_PIX_FMT_YUV420P;
  frame->width = encoder.width;
  frame->height = encoder.height;
  const int64_t wanted = av_rescale(Duration(time - impl_->first_time).count(), kTimeBase.den, 1'000'000'000);
  impl_->last_pts = frame->pts =
      impl_->last_pts < 0 ? std::max<int64_t>(0, wanted) : std::max(wanted, impl_->last_pts + kLeastStep);
  impl_->encode(frame);
  ++impl_->frames;
}

void VideoWriter::finish() { impl_->finish(); }
uint64_t VideoWriter::frames() const { return impl_->frames; }

}  // namespace vedette::media
