#include "vedette/graph/source_feed.h"

#include "vedette/base/log.h"
#include "vedette/base/thread.h"

namespace vedette::graph {
namespace {

constexpr size_t kRateWindowFrames = 32;

}  // namespace

SourceFeed::SourceFeed(std::unique_ptr<media::Source> source, std::optional<Error> failure, Options options)
    : source_(std::move(source)), options_(std::move(options)), failure_(std::move(failure)) {}

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

bool SourceFeed::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

void SourceFeed::change_readers(const Readers& add, const Readers& remove) {
  Readers over;
  Readers parted;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) over = add;
    if (!ended_)
      for (const auto& reader : add) readers_.add(reader);
    for (const auto& reader : remove)
      if (auto removed = readers_.remove(*reader)) (delivering_ ? departing_ : parted).push_back(std::move(removed));
    ++room_calls_;
  }
  room_.notify_one();
  for (const auto& reader : over) reader->end(*this, why_);
  for (const auto& reader : parted) reader->end(*this, Ending::kParted);
}

void SourceFeed::room() {
  {
    const std::lock_guard lock(mutex_);
    ++room_calls_;
  }
  room_.notify_one();
}

SourceFeed::Wait SourceFeed::wait_for_room(Inlet& reader, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const uint64_t seen = room_calls_;
    const auto readers = readers_.now();
    lock.unlock();
    if (reader.reserve()) return Wait::kRoom;
    if (std::none_of(readers->begin(), readers->end(), [&](const auto& r) { return r.get() == &reader; }))
      return Wait::kReaderGone;
    lock.lock();
    if (!room_.wait(lock, stop, [&] { return room_calls_ != seen; })) return Wait::kStopped;
  }
}

/// False when the stop came while it waited.
bool SourceFeed::deliver(Frame frame, const std::stop_token& stop) {
  std::shared_ptr<const Readers> readers;
  const MonotonicTime arrival = frame.arrival;
  {
    const std::lock_guard lock(mutex_);
    recent_.push_back(arrival);
    if (recent_.size() > kRateWindowFrames) recent_.pop_front();
    readers = readers_.now();
    delivering_ = true;
  }
  if (options_.traces && options_.traces_per_second > 0 && arrival >= next_trace_) {
    frame.trace = TraceId::make();
    next_trace_ = arrival + from_seconds(1 / options_.traces_per_second);
  }
  const Observation observation(std::make_shared<const Frame>(std::move(frame)));
  bool go_on = true;
  for (const auto& reader : *readers) {
    const Wait outcome = wait_for_room(*reader, stop);
    if (outcome == Wait::kStopped) {
      const std::lock_guard lock(mutex_);
      ++stopped_;
      go_on = false;
      break;
    }
    if (outcome == Wait::kRoom) reader->put(observation, true);
  }
  if (observation.frame().trace) {
    const Duration spent = Clock::system().monotonic() - arrival;
    options_.traces->record({.trace = observation.frame().trace,
                             .kind = TraceSpan::Kind::kSource,
                             .name = options_.stream->name,
                             .stage = "source",
                             .stream = options_.stream->name,
                             .sequence = observation.frame().sequence,
                             .start = Clock::system().now() - spent,
                             .duration = spent});
  }
  see_off_departing();
  return go_on;
}

void SourceFeed::see_off_departing() {
  std::vector<std::shared_ptr<Inlet>> departing;
  {
    const std::lock_guard lock(mutex_);
    delivering_ = false;
    departing.swap(departing_);
  }
  for (const auto& reader : departing) reader->end(*this, Ending::kParted);
}

void SourceFeed::fail(const std::exception& error) {
  const auto* ours = dynamic_cast<const Error*>(&error);
  const std::lock_guard lock(mutex_);
  failure_ = ours ? *ours : Error(ErrorCode::kInternal, error.what());
}

void SourceFeed::run(std::stop_token stop) {
  name_this_thread("source-" + options_.stream->name);
  if (source_) {
    try {
      while (auto frame = source_->next(stop)) {
        if (!deliver(std::move(*frame), stop)) break;
      }
    } catch (const std::exception& e) {
      fail(e);
    }
  }
  if (failure_) log::error("stream '{}': {}", options_.stream->name, failure_->line());
  end_stream(stop.stop_requested() ? Ending::kParted : Ending::kStreamOver);
}

void SourceFeed::end_stream(Ending why) {
  std::shared_ptr<const Readers> readers;
  {
    const std::lock_guard lock(mutex_);
    why_ = why;
    ended_ = true;
    readers = readers_.clear();
  }
  for (const auto& reader : *readers) reader->end(*this, why);
  if (options_.on_ended) options_.on_ended();
}

StreamStatus SourceFeed::status() const {
  StreamStatus status;
  status.key = options_.stream->key;
  status.name = options_.stream->name;
  status.url = options_.url;
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
