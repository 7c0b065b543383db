#include "vedette/graph/source_feed.h"

#include "vedette/base/log.h"
#include "vedette/base/thread.h"

namespace vedette::graph {
namespace {

constexpr size_t kRateWindowFrames = 32;

}  // namespace

SourceFeed::SourceFeed(std::unique_ptr<media::Source> source, std::optional<Error> failure,
                       std::shared_ptr<const StreamInfo> stream, std::string url, std::vector<Stage*> readers)
    : source_(std::move(source)),
      stream_(std::move(stream)),
      url_(std::move(url)),
      readers_(std::move(readers)),
      failure_(std::move(failure)) {}

SourceFeed::~SourceFeed() {
  request_stop();
  join();
}

void SourceFeed::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void SourceFeed::request_stop() { thread_.request_stop(); }

void SourceFeed::join() {
  if (thread_.joinable()) thread_.join();
}

void SourceFeed::room(uint32_t stream) {
  if (stream != stream_->index) return;
  {
    const std::lock_guard lock(mutex_);
    ++room_calls_;
  }
  room_.notify_one();
}

bool SourceFeed::wait_for_room(Stage& reader, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const uint64_t seen = room_calls_;
    lock.unlock();
    if (reader.reserve(stream_->index)) return true;
    lock.lock();
    if (!room_.wait(lock, stop, [&] { return room_calls_ != seen; })) return false;
  }
}

bool SourceFeed::deliver(const Observation& observation, const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    recent_.push_back(observation.frame().arrival);
    if (recent_.size() > kRateWindowFrames) recent_.pop_front();
  }
  for (Stage* reader : readers_) {
    if (!wait_for_room(*reader, stop)) {
      const std::lock_guard lock(mutex_);
      ++stopped_;
      return false;
    }
    reader->put(observation, true);
  }
  return true;
}

void SourceFeed::fail(const std::exception& error) {
  const auto* ours = dynamic_cast<const Error*>(&error);
  const std::lock_guard lock(mutex_);
  failure_ = ours ? *ours : Error(ErrorCode::kInternal, error.what());
}

void SourceFeed::run(std::stop_token stop) {
  name_this_thread("source-" + stream_->name);
  if (source_) {
    try {
      while (auto frame = source_->next(stop)) {
        if (!deliver(Observation(std::make_shared<const Frame>(std::move(*frame))), stop)) break;
      }
    } catch (const std::exception& e) {
      fail(e);
    }
  }
  if (failure_) log::error("stream '{}': {}", stream_->name, failure_->line());
  for (Stage* reader : readers_) reader->put_end(stream_->index);
}

StreamStatus SourceFeed::status() const {
  StreamStatus status;
  status.name = stream_->name;
  status.url = url_;
  if (source_) {
    const auto stats = source_->stats();
    status.state = media::to_string(stats.state);
    status.last_error = stats.last_error;
    status.capture_clock = to_string(stats.capture_clock);
    status.frames = stats.frames;
    status.reconnects = stats.reconnects;
    status.dropped.insert(stats.dropped.begin(), stats.dropped.end());
    status.width = stats.width;
    status.height = stats.height;
  }
  const std::lock_guard lock(mutex_);
  if (stopped_) status.dropped["stopped"] += stopped_;
  if (failure_) {
    status.state = "failed";
    status.failure = failure_->code();
    status.last_error = failure_->line();
  }
  if (recent_.size() > 1 && status.state == "streaming") {
    // Measured up to now rather than to the last frame, so that a stream that stalls is seen to slow down.
    const Duration span =
        std::max<Duration>(recent_.back() - recent_.front(), Clock::system().monotonic() - recent_[1]);
    if (span.count() > 0) status.fps = static_cast<double>(recent_.size() - 1) / to_seconds(span);
  }
  return status;
}

}  // namespace vedette::graph
