#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/base/trace.h"
#include "vedette/graph/inlet.h"
#include "vedette/graph/reader_list.h"
#include "vedette/graph/status.h"
#include "vedette/media/source.h"

namespace vedette::graph {

/// The thread that brings one source's frames to whoever reads it. A reader that blocks and has no room makes it wait,
/// and so the decoder, and so the file or the network behind it.
class SourceFeed final : public Outlet {
 public:
  struct Options {
    std::shared_ptr<const StreamInfo> stream;
    std::string url;                  ///< without credentials
    TraceBuffer* traces = nullptr;
    double traces_per_second = 0;
    std::function<void()> on_ended;   ///< from the feed's thread, after the last end was said
  };

  /// `source` is null when it could not be opened, and `failure` says why: the feed then only sends the stream's end.
  SourceFeed(std::unique_ptr<media::Source> source, std::optional<Error> failure, Options options);
  ~SourceFeed() override;

  void start();
  /// Interrupts whatever the source does; the readers get the stream's end. Returns at once.
  void request_stop();
  void join();
  bool ended() const;
  const std::string& name() const { return options_.stream->name; }
  StreamStatus status() const;

  void change_readers(const Readers& add, const Readers& remove) override;
  void room() override;

 private:
  enum class Wait { kRoom, kReaderGone, kStopped };

  void run(std::stop_token stop);
  bool deliver(Frame frame, const std::stop_token& stop);
  Wait wait_for_room(Inlet& reader, const std::stop_token& stop);
  void see_off_departing();
  void fail(const std::exception& error);
  void end_stream(Ending why);

  const std::unique_ptr<media::Source> source_;
  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable_any room_;
  ReaderList readers_;
  std::vector<std::shared_ptr<Inlet>> departing_;  // left while a frame is on its way to them
  bool delivering_ = false;
  bool ended_ = false;
  Ending why_ = Ending::kParted;  // set once, before ended_
  uint64_t room_calls_ = 0;
  uint64_t stopped_ = 0;  // frames that still waited for room when the stop came
  std::optional<Error> failure_;
  std::deque<MonotonicTime> recent_;  // arrivals of the last frames, for the rate
  MonotonicTime next_trace_{};
  std::jthread thread_;
};

}  // namespace vedette::graph
