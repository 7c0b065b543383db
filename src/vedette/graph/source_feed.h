#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/graph/stage.h"
#include "vedette/media/source.h"

namespace vedette::graph {

/// The thread that brings one source's frames to the stages which read from it. A kBlock lane without room makes it
/// wait, and so the decoder, and so the file or the network behind it.
class SourceFeed final : public Upstream {
 public:
  /// `source` is null when it could not be opened, and `failure` says why: the feed then only sends the stream's end.
  SourceFeed(std::unique_ptr<media::Source> source, std::optional<Error> failure,
             std::shared_ptr<const StreamInfo> stream, std::string url, std::vector<Stage*> readers);
  ~SourceFeed() override;

  void start();
  /// Interrupts whatever the source does; the readers get the stream's end. Returns at once.
  void request_stop();
  void join();
  void room(uint32_t stream) override;
  StreamStatus status() const;

 private:
  void run(std::stop_token stop);
  bool deliver(const Observation& observation, const std::stop_token& stop);
  bool wait_for_room(Stage& reader, const std::stop_token& stop);
  void fail(const std::exception& error);

  const std::unique_ptr<media::Source> source_;
  const std::shared_ptr<const StreamInfo> stream_;
  const std::string url_;
  const std::vector<Stage*> readers_;
  mutable std::mutex mutex_;
  std::condition_variable_any room_;
  uint64_t room_calls_ = 0;
  uint64_t stopped_ = 0;  // frames that still waited for room when the stop came
  std::optional<Error> failure_;
  std::deque<MonotonicTime> recent_;  // arrivals of the last frames, for the rate
  std::jthread thread_;
};

}  // namespace vedette::graph
