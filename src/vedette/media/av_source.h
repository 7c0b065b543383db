#pragma once

#include <memory>

#include "vedette/media/decoder.h"
#include "vedette/media/demuxer.h"
#include "vedette/media/host_lookup.h"
#include "vedette/media/source_base.h"

namespace vedette::media {

/// A file, network stream or device over FFmpeg's libraries.
class AvSource final : public SourceBase {
 public:
  AvSource(const SourceOptions& options, UrlKind kind, bool live, std::shared_ptr<const StreamInfo> stream,
           std::shared_ptr<BufferPool> pool, const Clock& clock);
  std::optional<Frame> next(std::stop_token stop) override;
  bool live() const override { return live_; }

 private:
  enum class Step { kFrame, kAgain, kEnd };

  std::optional<Frame> pull(const std::stop_token& stop);
  /// Opens everything, or waits out a back-off. Throws when the source can never work.
  void connect(const std::stop_token& stop);
  void open(const std::stop_token& stop);
  void lost(const std::string& why, const std::stop_token& stop);

  Step step(Frame& frame, const std::stop_token& stop);
  Step take_jpeg(Frame& frame);
  Step take_decoded(Frame& frame);
  bool feed(const std::stop_token& stop);
  Step at_end();
  bool start_again();
  FrameTime time_for(std::optional<int64_t> pts);
  void delivered();

  const UrlKind kind_;
  const bool live_;
  HostLookup lookup_;
  std::unique_ptr<Demuxer> demuxer_;
  std::unique_ptr<Decoder> decoder_;  ///< null while JPEG is handed on as it is
  AvPtr<AVPacket> packet_ = new_av_packet();
  Backoff backoff_;
  FileTimes file_times_;
  LiveTimes live_times_;
  std::optional<Timestamp> untimed_wall_clock_;  ///< of the newest packet without pts
  bool draining_ = false;       ///< the file is read to its end, the decoder still holds frames
  bool ever_streamed_ = false;
  bool tried_ = false;
  int damaged_in_a_row_ = 0;
  uint64_t got_this_pass_ = 0;  ///< frames of this connection, or of this run through the file
  std::optional<Duration> pass_start_, pass_end_;
};

}  // namespace vedette::media
