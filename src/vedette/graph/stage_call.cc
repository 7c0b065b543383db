#include "vedette/graph/stage_call.h"

#include <exception>
#include <iterator>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/base/log.h"

namespace vedette::graph {
namespace {

MonotonicTime now() { return Clock::system().monotonic(); }

}  // namespace

void Stage::run(std::vector<Taken>& batch, MonotonicTime taken_at) {
  static thread_local Output output;
  output.clear();
  for (const auto& taken : batch)
    if (taken.observation) taken.lane->give_back();
  if (batch.front().observation) call(batch, output, taken_at);
  if (!batch.back().observation) call_end(*batch.back().lane, output);
  finish(batch, output);
}

void Stage::call(std::vector<Taken>& batch, Output& output, MonotonicTime taken_at) {
  Module& module = instance_of(*batch.front().lane);
  const size_t count = batch.size() - (batch.back().observation ? 0 : 1);
  try {
    if (count > 1) {
      std::vector<Observation> several;
      several.reserve(count);
      for (size_t i = 0; i < count; ++i) several.push_back(*batch[i].observation);
      module.process_batch(several, output);
    } else {
      module.process(*batch.front().observation, output);
    }
    output.processed = count;
  } catch (...) {
    output.clear();
    record_failure(batch.front().observation->stream(), batch.front().observation->frame().sequence, count);
  }
  // Bookkeeping comes after the call: a module that waits to be woken should not wait for it as well.
  for (size_t i = 0; i < count; ++i) wait_.record(taken_at - batch[i].queued);
  if (output.processed == 0) return;
  const MonotonicTime done = now();
  execution_.record(done - taken_at);
  output.execution = done - taken_at;
  bool last = false;
  for (size_t i = 0; i < count; ++i) {
    if (batch[i].readers) last = batch[i].readers->empty();
    if (last) latency_.record(done - batch[i].observation->frame().arrival);
    if (options_.traces && batch[i].observation->frame().trace) trace(batch[i], taken_at, done);
  }
}

void Stage::trace(const Taken& taken, MonotonicTime taken_at, MonotonicTime done) const {
  const Frame& frame = taken.observation->frame();
  const auto at = [wall = Clock::system().now(), done](MonotonicTime t) { return wall - (done - t); };
  TraceSpan span{.trace = frame.trace,
                 .kind = TraceSpan::Kind::kWait,
                 .name = options_.name,
                 .stage = options_.key,
                 .stream = frame.stream->name,
                 .sequence = frame.sequence,
                 .start = at(taken.queued),
                 .duration = taken_at - taken.queued};
  options_.traces->record(span);
  span.kind = TraceSpan::Kind::kExecute;
  span.start = at(taken_at);
  span.duration = done - taken_at;
  options_.traces->record(std::move(span));
}

void Stage::call_end(Lane& lane, Output& output) {
  // A stateless module keeps nothing, so its end is only passed on.
  if (options_.traits.concurrency == Concurrency::kStateless) return;
  try {
    instance_of(lane).end_of_stream(*lane.stream_, output);
  } catch (...) {
    record_failure(*lane.stream_, 0, 0);
  }
  stop_instance(lane.instance_);
}

/// To be called where the exception is caught. `lost`: the observations that it cost.
void Stage::record_failure(const StreamInfo& stream, uint64_t sequence, size_t lost) {
  ErrorCode code = ErrorCode::kInternal;
  std::string line;
  try {
    throw;
  } catch (const Error& e) {
    code = e.code();
    line = e.line();
  } catch (const std::exception& e) {
    line = e.what();
  } catch (...) {
    line = "something was thrown that is no exception";
  }
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    counters_.errors += std::max<size_t>(lost, 1);
    if (lost) counters_.dropped["error"] += lost;
    counters_.last_error = line;
    if (!counters_.failure) counters_.failure = code;
    first = !std::exchange(failing_, true);
  }
  if (first)
    log::error("{}: module '{}' failed on stream '{}' frame {}: {}", context_.application, options_.name, stream.name,
               sequence, line);
}

void Stage::finish(std::vector<Taken>& batch, Output& output) {
  {
    const std::lock_guard lock(mutex_);
    counters_.processed += output.processed;
    if (output.processed) failing_ = false;
    counters_.emitted += output.observations.size();
    for (const auto& reason : output.drops) ++counters_.dropped[reason];
    if (options_.parallel.automatic) meter_.record(output.processed, output.execution);
  }
  for (size_t i = 0; i < batch.size();) {
    Lane& lane = *batch[i].lane;
    const uint64_t ticket = batch[i].ticket;
    Result result{.readers = std::move(batch[i].readers), .observations = output.take(lane.stream_->index)};
    for (; i < batch.size() && batch[i].lane == &lane; ++i)
      batch[i].observation ? void(++result.places) : void(result.end = true);
    if (options_.traits.concurrency == Concurrency::kStateless) {
      finish_in_order(lane, ticket, result);
    } else {
      finish_alone(lane, result);
    }
  }
  if (options_.traits.concurrency != Concurrency::kGlobal) return;
  if (!output.rest().empty()) finish_others(output.rest());
  see_off_departing();
}

/// One call at a time sees the lane, so handing on at once keeps the order.
void Stage::finish_alone(Lane& lane, const Result& result) {
  hand_on(lane, result);
  std::vector<std::shared_ptr<Inlet>> departing;
  {
    const std::lock_guard lock(mutex_);
    if (options_.traits.concurrency == Concurrency::kPerStream) {
      departing.swap(lane.departing_);
      departures_ -= departing.size();
    }
  }
  for (const auto& reader : departing) reader->end(lane, Ending::kParted);
  release(lane, std::unique_lock(mutex_));
}

/// The call's hold on the lane is over.
void Stage::release(Lane& lane, std::unique_lock<std::mutex> lock) {
  --lane.in_use_;
  make_ready(lane);
  if (lane.in_use_ == 0) idle_.notify_all();
  const bool over = lane.ended_ && lane.in_use_ == 0;
  lock.unlock();
  if (over && options_.on_lane_ended) options_.on_lane_ended();
}

/// kGlobal: those who left while the call ran have got everything that was for them.
void Stage::see_off_departing() {
  std::vector<std::pair<std::shared_ptr<Lane>, std::shared_ptr<Inlet>>> departing;
  {
    const std::lock_guard lock(mutex_);
    calling_ = false;
    idle_.notify_all();
    if (departures_ == 0) return;
    for (const auto& lane : lanes_) {
      for (auto& reader : lane->departing_) departing.emplace_back(lane, std::move(reader));
      lane->departing_.clear();
    }
    departures_ = 0;
  }
  for (const auto& [lane, reader] : departing) reader->end(*lane, Ending::kParted);
}

void Stage::finish_in_order(Lane& lane, uint64_t ticket, const Result& result) {
  std::unique_lock lock(mutex_);
  // Only one thread hands on at a time; whoever finishes meanwhile, or too early, leaves its result for it.
  if (lane.releasing_ || !lane.order_.pass(ticket)) {
    const auto& from = result.observations;
    lane.order_.finish(ticket, {result.readers,
                                {std::make_move_iterator(from.begin()), std::make_move_iterator(from.end())},
                                result.places,
                                result.end,
                                result.departing});
    return;
  }
  lane.releasing_ = true;
  lock.unlock();
  hand_on(lane, result);
  lock.lock();
  while (auto kept = lane.order_.release()) {
    --lane.in_use_;
    lock.unlock();
    hand_on(lane, {std::move(kept->readers), kept->observations, kept->places, kept->end, std::move(kept->departing)});
    lock.lock();
  }
  lane.releasing_ = false;
  release(lane, std::move(lock));
}

void Stage::leave_in_order(Lane& lane, uint64_t ticket, std::shared_ptr<Inlet> reader) {
  finish_in_order(lane, ticket, {.readers = nullptr, .departing = std::move(reader)});
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    wake = wants_turn();
  }
  if (wake) pool_.schedule(*this, WorkerPool::Where::kAnywhere);
}

/// What a kGlobal module emitted for streams that were not in its batch. A stream that has ended stays ended.
void Stage::finish_others(std::span<Observation> observations) {
  VEDETTE_ASSERT(options_.traits.concurrency == Concurrency::kGlobal);
  for (auto& observation : observations) {
    std::shared_ptr<Lane> lane;
    std::shared_ptr<const Readers> readers;
    {
      const std::lock_guard lock(mutex_);
      const auto found = std::find_if(lanes_.begin(), lanes_.end(), [&](const auto& l) {
        return !l->end_taken_ && l->stream_->index == observation.stream().index;
      });
      if (found != lanes_.end()) {
        lane = *found;
        readers = lane->readers_.now();
      } else {
        ++counters_.dropped["stream_ended"];
      }
    }
    if (lane) hand_on(*lane, {.readers = std::move(readers), .observations = {&observation, 1}});
  }
}

void Stage::hand_on(Lane& lane, const Result& result) {
  if (result.readers) {
    const Readers& readers = *result.readers;
    for (size_t r = 0; r < readers.size(); ++r) {
      Inlet& reader = *readers[r];
      size_t places = result.places;
      const bool last = r + 1 == readers.size();
      for (auto& observation : result.observations) {
        const bool reserved = places > 0;
        if (reserved) --places;
        reader.put(last ? std::move(observation) : observation, reserved);
      }
      for (; places > 0; --places) reader.give_back();
    }
  }
  if (result.departing) result.departing->end(lane, Ending::kParted);
  if (result.end) pass_end_on(lane);
}

void Stage::pass_end_on(Lane& lane) {
  std::shared_ptr<const Readers> readers;
  Ending why{};
  {
    const std::lock_guard lock(mutex_);
    lane.ended_ = true;
    readers = lane.readers_.clear();
    why = lane.why_;
  }
  for (const auto& reader : *readers) reader->end(lane, why);
}

}  // namespace vedette::graph
