#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "vedette/console/log_pictures.h"
#include "vedette/console/play_pace.h"
#include "vedette/framelog/cursor.h"
#include "vedette/framelog/log.h"
#include "vedette/net/message.h"

namespace vedette::console {

struct PlayOptions {
  Timestamp from{};               ///< the first frame is the one of this time, or the next
  std::optional<Timestamp> to{};  ///< the first that is not played; goes on for ever when not given
  double speed = 1;
  double most_per_second = 30;  ///< frames sent; others are passed over
  int width_px = 0;             ///< 0: as they are kept
  int jpeg_quality = 80;
};

/// One viewer of a log. Writes parts of a multipart answer at their pace, each with
///
///   X-Vedette-Time, X-Vedette-Sequence    of the frame
///   X-Vedette-Size: 1920x1080             of the frame as it was kept
///   X-Vedette-Hole: 12.5                  seconds without frames before it
///   X-Vedette-Live: 1                     it is the newest there is
///
/// At the end of what is kept it goes on with what comes. A viewer, or a disk, that is slower than the pace misses
/// frames, never delays them. When the log cannot be read any further, a last part of text/plain says why.
class LogPlayer {
 public:
  /// Throws Error(kUsage) when `to` is before `from`, and Error when the first frame cannot be read.
  LogPlayer(std::shared_ptr<const framelog::Log> log, PlayOptions options, std::stop_token stop);
  ~LogPlayer();
  LogPlayer(const LogPlayer&) = delete;
  LogPlayer& operator=(const LogPlayer&) = delete;

  /// The next step: a part, or a fifth of a second of waiting at most. False: it has ended.
  bool write_next(net::Sink& sink);

 private:
  struct Coming {
    framelog::FrameRef frame;
    MonotonicTime due;
    Duration hole;
  };
  std::optional<Coming> fetch();
  bool step(net::Sink& sink);
  bool wait_at_end(net::Sink& sink);
  void pass_over_late();
  bool show(net::Sink& sink);

  const std::shared_ptr<const framelog::Log> log_;
  const PlayOptions options_;
  const std::stop_token stop_;
  framelog::Cursor cursor_;
  PlayPace pace_;
  LogPictures pictures_;
  std::optional<Coming> coming_;
  std::optional<Coming> behind_;  // the one after it, when that is known already
  MonotonicTime not_before_{};
  Duration hole_{0};              // before `coming_`, those before passed over frames too
  bool begun_ = false;
};

}  // namespace vedette::console
