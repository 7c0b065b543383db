#include "vedette/media/demuxer.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavdevice/avdevice.h>
#include <libavformat/avformat.h>
}

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>

#include "vedette/media/waiting.h"

namespace vedette::media {
namespace {

using std::chrono::milliseconds;

/// Time for an RTSP TEARDOWN, so that the camera frees the session.
constexpr Duration kGoodbye = milliseconds(50);
constexpr Duration kDevicePoll = milliseconds(2);

Duration to_duration(int64_t value, AVRational base) {
  return Duration{av_rescale_q(value, base, AVRational{1, 1'000'000'000})};
}

/// Text files that FFmpeg would play as ANSI art, and subtitles.
bool is_text(const AVInputFormat& format) {
  return !std::strcmp(format.name, "tty") || !std::strcmp(format.name, "bin");
}

std::string whitelist(UrlKind kind) {
  switch (kind) {
    case UrlKind::kRtsp: return "rtsp,rtp,udp,tcp,tls";
    case UrlKind::kHttp: return "http,https,tcp,tls,crypto";
    default: return "file,crypto,data";
  }
}

}  // namespace

Demuxer::Demuxer(const SourceOptions& options, UrlKind kind, bool live, const Clock& clock, const std::stop_token& stop)
    : kind_(kind),
      live_(live),
      clock_(clock),
      name_("'" + without_credentials(options.url) + "'"),
      read_timeout_(milliseconds(options.read_timeout_ms)),
      interrupt_(clock) {
  route_av_log();
  interrupt_.arm(clock_.monotonic() + milliseconds(options.open_timeout_ms), stop);
  try {
    open(options, stop);
    find_video();
  } catch (...) {
    avformat_close_input(&format_);
    throw;
  }
}

Demuxer::~Demuxer() {
  interrupt_.arm(clock_.monotonic() + kGoodbye, {});
  avformat_close_input(&format_);
}

void Demuxer::open(const SourceOptions& options, const std::stop_token& stop) {
  const AVInputFormat* forced = nullptr;
  if (kind_ == UrlKind::kDevice) {
    static std::once_flag once;
    std::call_once(once, avdevice_register_all);
    forced = av_find_input_format("v4l2");
    if (!forced) throw OpenError(ErrorCode::kUnavailable, "FFmpeg here has no V4L2 support for " + name_, "", true);
  }
  // A camera is asked for its JPEG first (many deliver their full rate only so), then for whatever it has.
  int error = 0;
  for (const bool ask_jpeg : {true, false}) {
    if (ask_jpeg && (kind_ != UrlKind::kDevice || !options.keep_jpeg)) continue;
    format_ = avformat_alloc_context();
    if (!format_) throw std::bad_alloc();
    format_->interrupt_callback = {&Interrupt::callback, &interrupt_};
    if (kind_ == UrlKind::kDevice) format_->flags |= AVFMT_FLAG_NONBLOCK;
    AvOptions dictionary;
    if (kind_ == UrlKind::kRtsp) {
      dictionary.set("rtsp_transport", options.transport);
      dictionary.set("allowed_media_types", "video");
      if (options.transport == "udp") dictionary.set("buffer_size", "1048576");
    }
    if (kind_ == UrlKind::kDevice && ask_jpeg) dictionary.set("input_format", "mjpeg");
    if (kind_ != UrlKind::kDevice) dictionary.set("protocol_whitelist", whitelist(kind_));
    const std::string url = kind_ == UrlKind::kFile ? "file:" + options.url : options.url;
    error = avformat_open_input(&format_, url.c_str(), forced, dictionary.get());  // frees format_ when it fails
    if (error >= 0 || stop.stop_requested()) break;
  }
  if (error < 0) fail_open(error);
  if (is_text(*format_->iformat))
    throw OpenError(ErrorCode::kInvalidData, name_ + " is not a video", "give a file that `ffprobe` can read", true);
  bool known = live_;
  for (unsigned i = 0; i < format_->nb_streams; ++i)
    known &= format_->streams[i]->codecpar->codec_id != AV_CODEC_ID_NONE;
  if (known && format_->nb_streams > 0) return;  // probing would hold the first frames back for seconds
  error = avformat_find_stream_info(format_, nullptr);
  if (error < 0 || interrupt_.timed_out()) fail_open(error < 0 && !interrupt_.timed_out() ? error : AVERROR_EXIT);
}

void Demuxer::fail_open(int error) const {
  const bool file = kind_ == UrlKind::kFile;
  if (interrupt_.timed_out())
    throw OpenError(ErrorCode::kTimeout, name_ + " did not open in time", "is the camera up?", file);
  switch (error) {
    case AVERROR_HTTP_UNAUTHORIZED:
    case AVERROR_HTTP_FORBIDDEN:
      throw OpenError(ErrorCode::kPermissionDenied, name_ + " refuses the credentials",
                      "give them as rtsp://user:password@host/…, special characters percent-encoded", true);
    case AVERROR_HTTP_NOT_FOUND:
      throw OpenError(ErrorCode::kNotFound, name_ + " has no such stream", "check the path after the host", false);
    case AVERROR_PROTOCOL_NOT_FOUND:
      throw OpenError(ErrorCode::kUnavailable, "FFmpeg here cannot speak the protocol of " + name_, "", true);
    case AVERROR_INVALIDDATA:
      if (kind_ == UrlKind::kRtsp) break;
      throw OpenError(ErrorCode::kInvalidData, name_ + " is not a video, or is cut off before its index",
                      "give a file that `ffprobe` can read", true);
    case AVERROR(EACCES):
    case AVERROR(EPERM):
      throw OpenError(ErrorCode::kPermissionDenied, "no rights to read " + name_, "check its owner and mode", true);
    case AVERROR(ENOENT): throw OpenError(ErrorCode::kNotFound, "there is no " + name_, "check the path", file);
    case AVERROR(ENOTTY):
    case AVERROR(ENODEV):
      throw OpenError(ErrorCode::kInvalidData, name_ + " is not a camera", "see `v4l2-ctl --list-devices`", true);
    default: break;
  }
  throw OpenError(ErrorCode::kUnavailable, name_ + " does not open: " + av_error_text(error), "", file);
}

void Demuxer::find_video() {
  const int best = av_find_best_stream(format_, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (best < 0 || (format_->streams[best]->disposition & AV_DISPOSITION_ATTACHED_PIC))
    throw OpenError(ErrorCode::kInvalidData, name_ + " has no video stream", "", true);
  stream_ = format_->streams[best];
  for (unsigned i = 0; i < format_->nb_streams; ++i)
    if (format_->streams[i] != stream_) format_->streams[i]->discard = AVDISCARD_ALL;
}

Demuxer::Read Demuxer::read(AVPacket& packet, const std::stop_token& stop) {
  interrupt_.arm(clock_.monotonic() + read_timeout_, stop);
  for (;;) {
    av_packet_unref(&packet);
    const int error = av_read_frame(format_, &packet);
    if (stop.stop_requested()) return {Status::kStopped, {}};
    if (error >= 0 && packet.stream_index == stream_->index) return {Status::kPacket, {}};
    if (interrupt_.timed_out())
      return {Status::kLost, name_ + " sent no picture for " + std::to_string(read_timeout_ / milliseconds(1)) + " ms"};
    if (error >= 0) continue;
    if (error == AVERROR(EAGAIN)) {
      if (!sleep_unless_stopped(kDevicePoll, stop)) return {Status::kStopped, {}};
      continue;
    }
    if (error == AVERROR_EOF) return {Status::kEnd, name_ + " ended the stream"};
    if (!live_ && error == AVERROR_INVALIDDATA) return {Status::kDamaged, name_ + ": " + av_error_text(error)};
    return {Status::kLost, name_ + " broke off: " + av_error_text(error)};
  }
}

bool Demuxer::rewind() {
  const int64_t start = stream_->start_time == AV_NOPTS_VALUE ? 0 : stream_->start_time;
  return av_seek_frame(format_, stream_->index, start, AVSEEK_FLAG_BACKWARD) >= 0;
}

const AVCodecParameters& Demuxer::parameters() const { return *stream_->codecpar; }

bool Demuxer::is_jpeg() const {
  const AVCodecParameters& p = *stream_->codecpar;
  return p.codec_id == AV_CODEC_ID_MJPEG &&
         (p.field_order == AV_FIELD_UNKNOWN || p.field_order == AV_FIELD_PROGRESSIVE);
}

double Demuxer::fps() const {
  for (const AVRational rate : {stream_->avg_frame_rate, stream_->r_frame_rate})
    if (rate.num > 0 && rate.den > 0) return av_q2d(rate);
  return 0;
}

std::optional<Duration> Demuxer::duration() const {
  // AVI corrects the duration to what the file has room for, but keeps the number of frames that its header promised.
  Duration longest{0};
  if (stream_->nb_frames > 0 && fps() > 0) longest = from_seconds(static_cast<double>(stream_->nb_frames) / fps());
  if (stream_->duration > 0) return std::max(longest, to_duration(stream_->duration, stream_->time_base));
  if (format_->duration > 0) return std::max(longest, to_duration(format_->duration, AVRational{1, AV_TIME_BASE}));
  return longest > Duration{0} ? std::optional(longest) : std::nullopt;
}

std::optional<Duration> Demuxer::time_of(std::optional<int64_t> pts) const {
  const bool made_up =
      live_ && ((format_->iformat->flags & AVFMT_NOTIMESTAMPS) || !std::strcmp(format_->iformat->name, "mpjpeg"));
  if (!pts || made_up) return std::nullopt;
  return to_duration(*pts, stream_->time_base);
}

std::optional<int64_t> Demuxer::pts_of(const AVPacket& packet) const {
  if (packet.pts != AV_NOPTS_VALUE) return packet.pts;
  if (packet.dts != AV_NOPTS_VALUE) return packet.dts;
  return std::nullopt;
}

std::optional<Timestamp> Demuxer::wall_clock_of(const AVPacket& packet) {
  size_t size = 0;
  const uint8_t* data = av_packet_get_side_data(&packet, AV_PKT_DATA_PRFT, &size);
  if (!data || size < sizeof(AVProducerReferenceTime)) return std::nullopt;
  AVProducerReferenceTime reference;
  std::memcpy(&reference, data, sizeof reference);
  return Timestamp{std::chrono::microseconds(reference.wallclock)};
}

}  // namespace vedette::media
