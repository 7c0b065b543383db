#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "vedette/base/settings.h"
#include "vedette/base/time.h"
#include "vedette/frame/buffer_pool.h"
#include "vedette/frame/frame.h"
#include "vedette/media/backoff.h"

namespace vedette::media {

enum class Pacing {
  kAuto,      ///< cameras as they come, files and folders in real time
  kRealtime,  ///< by media time against the monotonic clock
  kFast,      ///< as fast as the caller asks
};

/// Everything that says where frames come from and how. The same struct is read from an application's YAML.
struct SourceOptions {
  /// A video file, `rtsp://…`, `rtsps://…`, `http://…`, `https://…`, a folder of pictures, a V4L2 device
  /// `/dev/videoN`, or a URL of a scheme that set_scheme() was told of.
  std::string url{};
  Pacing pacing = Pacing::kAuto;
  bool loop = false;              ///< files and folders start again at their end; sequence and capture time go on
  std::string transport = "tcp";  ///< of RTP: tcp (interleaved) | udp
  std::string hardware{};         ///< "" decodes in software; else an FFmpeg device type: vaapi, cuda, qsv, …
  int decoder_threads = 1;
  double max_fps = 0;  ///< 0: every frame; else frames are skipped by capture time, counted as "rate_limited"
  double image_fps = 10;  ///< folders of pictures: their stream clock
  int open_timeout_ms = 10000;  ///< look-up, connect and handshake together
  int read_timeout_ms = 10000;  ///< without a packet for so long, a stream is lost
  int max_reconnects = 0;  ///< failures in a row before the source gives up; 0: never gives up
  BackoffOptions backoff{};  ///< between reconnects
  bool keep_jpeg = true;  ///< MJPEG and JPEG are handed on undecoded, as Frame::jpeg

  void fields(Fields& f);
};

/// What a source does at this moment.
///
///                    opened                     end of file
///     kConnecting ───────────▶ kStreaming ─────────────────▶ kEnded
///        │    ▲                    │  │                        ▲
///        │    │ back-off over      │  │ file unreadable        │ stop, in any state
///  fails │    │                    │  ▼
///        │    │                    │ kFailed ◀── can never work, or reconnects used up (from kConnecting, kWaiting)
///        ▼    │       lost (live)  │
///       kWaiting ◀─────────────────┘
enum class SourceState { kConnecting, kStreaming, kWaiting, kEnded, kFailed };

std::string_view to_string(SourceState state);

struct SourceStats {
  SourceState state = SourceState::kConnecting;
  std::string last_error;  ///< one line, without credentials; empty when nothing went wrong yet
  uint64_t frames = 0;  ///< handed on
  uint64_t reconnects = 0;  ///< times a lost or refused connection was tried anew
  /// Frames that were not handed on, by reason: "corrupt" (a packet or picture that does not decode), "rate_limited",
  /// "too_large" (a side beyond 16,384 pixels), "empty" (a side of 0), "not_an_image" (files of a folder).
  std::map<std::string, uint64_t> dropped;
  int width = 0;  ///< of the newest frame
  int height = 0;
  CaptureClock capture_clock = CaptureClock::kArrival;
};

/// One camera, video file or folder of pictures, as a sequence of frames. next() and the destructor belong to one
/// thread; stats() may be called from any.
///
/// Frames carry their pixels as kI420 (the decoder's own memory, not a copy, wherever its format allows) or as JPEG.
/// Sequence numbers count every frame the source got, also those it dropped: gaps are losses. Capture times:
///
///   RTSP      the camera's wall clock by its RTCP sender reports; until the first report, and for cameras whose clock
///   is not set
///             (before 2010), the stream clock anchored at the first arrival
///   V4L2, HTTP  the stream clock anchored at the first arrival; the arrival itself where the stream has no timestamps
///   files, folders  the stream clock from 0, so that a file gives the same capture times at each run
///
/// A frame that changes size in mid-stream simply has the new size.
class Source {
 public:
  virtual ~Source() = default;
  /// Waits for the next frame, paced if asked. Nullopt at the end of a file, or within 200 ms of a stop request,
  /// whatever the source is doing (look-up, connect, handshake, read, back-off, pacing). Throws Error when the source
  /// cannot go on: not a video, no video stream, no decoder, refused credentials, reconnects used up. After nullopt or
  /// a throw it must not be called again.
  virtual std::optional<Frame> next(std::stop_token stop) = 0;
  virtual SourceStats stats() const = 0;
  /// A camera rather than a recording: what is not taken in time is gone, so its queue should keep the latest.
  virtual bool live() const = 0;
  /// As the source announces it, once it is open; 0 when unknown.
  virtual double nominal_fps() const = 0;
};

/// Makes a source for `options.url`. Only what is cheap is checked here; connecting happens in next(). Throws Error:
/// kNotFound (no such file, folder without pictures), kPermissionDenied, kUsage (unknown scheme, transport or hardware
/// name). Pictures come from `pool`, which must not be null. `clock` must outlive the source.
std::unique_ptr<Source> open_source(const SourceOptions& options, std::shared_ptr<const StreamInfo> stream,
                                    std::shared_ptr<BufferPool> pool, const Clock& clock = Clock::system());

/// How URLs of a scheme that another folder knows are opened ("log", of frame logs). Both are called from any thread;
/// `live` must not throw for a URL that is only malformed.
struct SourceScheme {
  std::function<std::unique_ptr<Source>(const SourceOptions&, std::shared_ptr<const StreamInfo>,
                                        std::shared_ptr<BufferPool>, const Clock&)>
      open;
  std::function<bool(const SourceOptions&)> live;
};
/// Has open_source() and is_live() know a scheme, in lower case; in place of an earlier one of that name. Empty
/// functions take it away again.
void set_scheme(const std::string& name, SourceScheme scheme);

/// Whether the URL names a camera rather than a recording, as Source::live() says; never throws.
bool is_live(const SourceOptions& options);

/// The URL with "user:password@" taken out, for logs and status pages. Anything that is no URL comes back as it is.
std::string without_credentials(std::string_view url);

}  // namespace vedette::media
