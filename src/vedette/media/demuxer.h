#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "vedette/base/error.h"
#include "vedette/media/av_handles.h"
#include "vedette/media/interrupt.h"
#include "vedette/media/source.h"
#include "vedette/media/url.h"

struct AVCodecParameters;
struct AVFormatContext;
struct AVStream;

namespace vedette::media {

/// Opening failed. `permanent` when trying again cannot help: not a video, no video stream, refused credentials.
class OpenError : public Error {
 public:
  OpenError(ErrorCode code, const std::string& what, std::string hint, bool permanent)
      : Error(code, what, std::move(hint)), permanent_(permanent) {}
  bool permanent() const { return permanent_; }

 private:
  bool permanent_;
};

/// The video packets of one file, stream or device. Every call ends by its deadline or 200 ms after a stop. Not
/// thread-safe.
class Demuxer {
 public:
  enum class Status {
    kPacket,
    kEnd,      ///< of a file; of a live stream: the other side hung up
    kDamaged,  ///< bytes that make no packet; reading may go on
    kLost,     ///< no packet in time, or the connection broke; `error` says which
    kStopped,
  };
  struct Read {
    Status status;
    std::string error;
  };

  /// Opens `options.url` and finds its video stream. Throws OpenError; after a stop, what is thrown has no meaning.
  Demuxer(const SourceOptions& options, UrlKind kind, bool live, const Clock& clock, const std::stop_token& stop);
  ~Demuxer();
  Demuxer(const Demuxer&) = delete;
  Demuxer& operator=(const Demuxer&) = delete;

  Read read(AVPacket& packet, const std::stop_token& stop);
  /// Back to the beginning; false when the format cannot.
  bool rewind();

  const AVCodecParameters& parameters() const;
  /// MJPEG whose packets each are one whole JPEG picture (not two fields).
  bool is_jpeg() const;
  double fps() const;                            ///< 0 when unknown
  std::optional<Duration> duration() const;      ///< as the container announces it
  std::optional<Duration> time_of(
      std::optional<int64_t> pts) const;  ///< none for formats without timestamps of their own
  std::optional<int64_t> pts_of(const AVPacket& packet) const;
  /// The camera's wall clock for this packet, by RTCP sender reports (FFmpeg hands it on as producer reference time).
  static std::optional<Timestamp> wall_clock_of(const AVPacket& packet);

 private:
  void open(const SourceOptions& options, const std::stop_token& stop);
  [[noreturn]] void fail_open(int error) const;
  void find_video();

  const UrlKind kind_;
  const bool live_;
  const Clock& clock_;
  const std::string name_;  ///< for messages
  const Duration read_timeout_;
  Interrupt interrupt_;
  AVFormatContext* format_ = nullptr;
  AVStream* stream_ = nullptr;
};

}  // namespace vedette::media
