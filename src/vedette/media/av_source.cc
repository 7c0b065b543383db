#include "vedette/media/av_source.h"

extern "C" {
#include <libavcodec/packet.h>
}

#include <functional>

#include "vedette/base/log.h"
#include "vedette/media/jpeg.h"
#include "vedette/media/waiting.h"

namespace vedette::media {
namespace {

constexpr int kMostDamagedInARow = 100;
constexpr double kFpsWhenUnknown = 25;

bool is_paced(Pacing pacing, bool live) { return pacing == Pacing::kRealtime || (pacing == Pacing::kAuto && !live); }

}  // namespace

AvSource::AvSource(const SourceOptions& options, UrlKind kind, bool live, std::shared_ptr<const StreamInfo> stream,
                   std::shared_ptr<BufferPool> pool, const Clock& clock)
    : SourceBase(options, std::move(stream), std::move(pool), clock, is_paced(options.pacing, live)),
      kind_(kind),
      live_(live),
      backoff_(options.backoff, std::hash<std::string>{}(options.url)),
      file_times_(from_seconds(1 / kFpsWhenUnknown)) {}

std::optional<Frame> AvSource::next(std::stop_token stop) {
  try {
    auto frame = pull(stop);
    if (!frame) set_state(SourceState::kEnded);
    return frame;
  } catch (const Error& e) {
    set_error(e.what());
    set_state(SourceState::kFailed);
    throw;
  }
}

std::optional<Frame> AvSource::pull(const std::stop_token& stop) {
  for (;;) {
    if (stop.stop_requested()) return std::nullopt;
    if (!demuxer_) {
      connect(stop);
      continue;
    }
    Frame frame;
    const Step result = step(frame, stop);
    if (result == Step::kEnd) return std::nullopt;
    if (result == Step::kAgain) continue;
    if (!hand_over(frame, stop)) return std::nullopt;
    return frame;
  }
}

void AvSource::connect(const std::stop_token& stop) {
  set_state(SourceState::kConnecting);
  if (tried_ && live_) count_reconnect();
  tried_ = true;
  try {
    open(stop);
  } catch (const OpenError& e) {
    if (stop.stop_requested()) return;
    demuxer_.reset();
    if (!live_ || (e.permanent() && !ever_streamed_)) throw;
    lost(e.what(), stop);
  } catch (const Error& e) {
    if (stop.stop_requested()) return;
    demuxer_.reset();
    const bool may_pass =
        e.code() == ErrorCode::kUnavailable || e.code() == ErrorCode::kTimeout || e.code() == ErrorCode::kNotFound;
    if (!live_ || (!may_pass && !ever_streamed_)) throw;
    lost(e.what(), stop);
  }
}

void AvSource::open(const std::stop_token& stop) {
  if (kind_ == UrlKind::kRtsp || kind_ == UrlKind::kHttp) {
    if (!lookup_.resolve(host_of(options_.url), std::chrono::milliseconds(options_.open_timeout_ms), stop)) return;
  }
  auto demuxer = std::make_unique<Demuxer>(options_, kind_, live_, clock_, stop);
  const bool as_jpeg = demuxer->is_jpeg() && options_.keep_jpeg;
  decoder_ = as_jpeg ? nullptr
                     : std::make_unique<Decoder>(demuxer->parameters(),
                                                 Decoder::Options{options_.decoder_threads, options_.hardware}, pool_);
  demuxer_ = std::move(demuxer);
  double fps = demuxer_->fps();
  if (fps == 0 && decoder_) fps = decoder_->fps();
  set_nominal_fps(fps);
  file_times_.set_frame_duration(from_seconds(1 / (fps > 0 ? fps : kFpsWhenUnknown)));
  live_times_.connected();
  untimed_wall_clock_.reset();
  draining_ = false;
  damaged_in_a_row_ = 0;
  got_this_pass_ = 0;
  pass_start_.reset();
  set_state(SourceState::kStreaming);
}

void AvSource::lost(const std::string& why, const std::stop_token& stop) {
  const MonotonicTime now = clock_.monotonic();
  const Duration wait = backoff_.failed(now);
  set_error(why);
  if (options_.max_reconnects > 0 && backoff_.failures_in_a_row() > options_.max_reconnects) {
    throw Error(ErrorCode::kUnavailable,
                why + "; gave up after " + std::to_string(options_.max_reconnects) + " reconnects",
                "max_reconnects: 0 never gives up");
  }
  set_state(SourceState::kWaiting);
  log::warn("stream {}: {}; next try in {:.1f} s", stream_ ? stream_->name : "?", why, to_seconds(wait));
  sleep_unless_stopped(wait, stop);
}

AvSource::Step AvSource::step(Frame& frame, const std::stop_token& stop) {
  if (decoder_) {
    const Step decoded = take_decoded(frame);
    if (decoded != Step::kAgain) return decoded;
    if (draining_) return Step::kAgain;  // a refused picture, or the loop's new beginning
    return feed(stop) ? Step::kAgain : (stop.stop_requested() ? Step::kEnd : Step::kAgain);
  }
  if (draining_) return at_end();
  if (!feed(stop)) return stop.stop_requested() ? Step::kEnd : Step::kAgain;
  return take_jpeg(frame);
}

/// Reads the next packet into the decoder (or into packet_, for JPEG). False when there is none.
bool AvSource::feed(const std::stop_token& stop) {
  Demuxer::Read read = demuxer_->read(*packet_, stop);
  switch (read.status) {
    case Demuxer::Status::kStopped: return false;
    case Demuxer::Status::kPacket: break;
    case Demuxer::Status::kDamaged:
      drop("corrupt");
      if (++damaged_in_a_row_ < kMostDamagedInARow) return false;
      [[fallthrough]];
    case Demuxer::Status::kEnd:
    case Demuxer::Status::kLost:
      if (live_) {
        demuxer_.reset();
        decoder_.reset();
        lost(read.error, stop);
      } else {
        if (read.status != Demuxer::Status::kEnd) log::warn("{}", read.error);
        draining_ = true;
        if (decoder_) decoder_->send(nullptr);
      }
      return false;
  }
  damaged_in_a_row_ = 0;
  if (live_) {
    const auto wall_clock = Demuxer::wall_clock_of(*packet_);
    const auto time = demuxer_->time_of(demuxer_->pts_of(*packet_));
    if (wall_clock && time) live_times_.sender_report(*time, *wall_clock);
    if (!time) untimed_wall_clock_ = wall_clock;
  }
  if (!decoder_) return true;
  switch (decoder_->send(packet_.get())) {
    case Decoder::Status::kCorrupt: drop("corrupt"); break;
    case Decoder::Status::kTooLarge: drop("too_large"); break;
    default: break;
  }
  return true;
}

AvSource::Step AvSource::take_jpeg(Frame& frame) {
  const std::span<const uint8_t> bytes(packet_->data, static_cast<size_t>(packet_->size));
  try {
    std::tie(frame.width, frame.height) = jpeg_size(bytes);
  } catch (const Error&) {
    drop("corrupt");
    return Step::kAgain;
  }
  if (frame.width > Picture::kLargestSide || frame.height > Picture::kLargestSide) {
    drop("too_large");
    return Step::kAgain;
  }
  delivered();
  if (!admit(frame, time_for(demuxer_->pts_of(*packet_)))) return Step::kAgain;
  frame.jpeg = std::make_shared<const Bytes>(bytes.begin(), bytes.end());
  return Step::kFrame;
}

AvSource::Step AvSource::take_decoded(Frame& frame) {
  Decoder::Result result = decoder_->receive();
  switch (result.status) {
    case Decoder::Status::kMore: return Step::kAgain;
    case Decoder::Status::kEnd: return at_end();
    case Decoder::Status::kCorrupt: drop("corrupt"); return Step::kAgain;
    case Decoder::Status::kTooLarge: drop("too_large"); return Step::kAgain;
    case Decoder::Status::kEmpty: drop("empty"); return Step::kAgain;
    case Decoder::Status::kPicture: break;
  }
  delivered();
  if (!admit(frame, time_for(result.pts))) return Step::kAgain;
  frame.width = result.picture->width();
  frame.height = result.picture->height();
  frame.picture = std::move(result.picture);
  return Step::kFrame;
}

void AvSource::delivered() {
  ever_streamed_ = true;
  if (got_this_pass_++ == 0 && live_) backoff_.connected(clock_.monotonic());
}

FrameTime AvSource::time_for(std::optional<int64_t> pts) {
  const auto media_time = demuxer_->time_of(pts);
  if (live_) return live_times_.stamp(media_time, clock_.now(), clock_.monotonic(), untimed_wall_clock_);
  const FrameTime time = file_times_.stamp(media_time);
  if (!pass_start_) pass_start_ = time.position;
  pass_end_ = time.position;
  return time;
}

AvSource::Step AvSource::at_end() {
  if (got_this_pass_ == 0) {
    throw Error(ErrorCode::kInvalidData, "'" + options_.url + "' holds no picture that decodes",
                "is it damaged? `ffmpeg -v error -i FILE -f null -` tells");
  }
  const auto announced = demuxer_->duration();
  const Duration played = pass_end_ && pass_start_ ? *pass_end_ - *pass_start_ : Duration{0};
  if (announced && *announced - played > std::chrono::seconds(1) + *announced / 20) {
    const std::string line = "'" + options_.url + "' ends after " + std::to_string(to_seconds(played)) + " of " +
                             std::to_string(to_seconds(*announced)) + " s: it is cut off or damaged";
    log::warn("{}", line);
    set_error(line);
  }
  if (!options_.loop) return Step::kEnd;
  if (!start_again()) demuxer_.reset();  // opened anew by the next step
  return Step::kAgain;
}

bool AvSource::start_again() {
  file_times_.rewound();
  draining_ = false;
  got_this_pass_ = 0;
  pass_start_.reset();
  pass_end_.reset();
  if (!demuxer_->rewind()) return false;
  if (decoder_) decoder_->flush();
  return true;
}

}  // namespace vedette::media
