#include "vedette/graph/stage.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <iterator>
#include <span>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/base/log.h"

namespace vedette::graph {
namespace {

/// How long a turn may go on taking observations while another stage waits for this very thread, and otherwise.
constexpr Duration kShortTurn = std::chrono::microseconds(50);
constexpr Duration kLongTurn = std::chrono::milliseconds(2);
/// kStateless: pieces of work of one lane that may be taken and not handed on yet, for each call that may run at the
/// same time.
constexpr size_t kReorderWindow = 4;

MonotonicTime now() { return Clock::system().monotonic(); }

}  // namespace

struct Stage::Item {
  Observation observation;
  MonotonicTime queued;
};

/// What a piece of work on one lane gave: observations to hand on, and the places reserved for them in each lane
/// downstream.
struct Stage::Result {
  std::span<Observation> observations;
  size_t places = 0;
  bool end = false;
};

/// A Result that has to wait for those before it.
struct Stage::KeptResult {
  std::vector<Observation> observations;
  size_t places = 0;
  bool end = false;
};

struct Stage::Lane {
  Lane(std::shared_ptr<const StreamInfo> s, QueueOptions options, std::span<Stage* const> stages)
      : stream(std::move(s)),
        blocks(options.when_full == WhenFull::kBlock),
        upstream(stages.begin(), stages.end()),
        queue(options) {}

  /// Whether there is something to do: an observation, or the end after the last one.
  bool has_work() const { return !queue.empty() || (ending && !end_taken); }

  const std::shared_ptr<const StreamInfo> stream;
  const bool blocks;
  std::vector<Upstream*> upstream;   // the stages that put here, and the source's feed
  BoundedQueue<Item> queue;
  std::unique_ptr<Module> instance;  // kPerStream
  Resequencer<KeptResult> order;     // kStateless
  size_t ends = 0;                   // upstreams that have sent their end
  bool ending = false;               // all of them have
  bool end_taken = false;
  bool busy = false;                 // kPerStream: a call runs
  bool listed = false;               // in ready_
  bool parked = false;               // a lane downstream was full
  bool releasing = false;            // kStateless: a thread is handing on in order
  std::atomic<size_t> occupied{0};   // kBlock: observations queued, and places reserved
  std::atomic<bool> awaited{false};  // kBlock: an upstream was refused a place
};

struct Stage::Taken {
  Lane* lane;
  std::optional<Observation> observation;  // none: the stream's end, always the last of its batch
  uint64_t ticket = 0;   // kStateless: of the whole run of observations of this lane, in the first of them
  MonotonicTime queued;  // when it was put
};

/// Gathers what one call emits.
class Stage::Output final : public Emit {
 public:
  void operator()(Observation observation) override { observations.push_back(std::move(observation)); }
  void drop(std::string_view reason) override { drops.emplace_back(reason); }
  void clear() {
    observations.clear();
    drops.clear();
    processed = 0;
    taken_ = 0;
  }

  /// What was emitted for a stream, in order; each only once.
  std::span<Observation> take(uint32_t stream) {
    const auto first = observations.begin() + static_cast<ptrdiff_t>(taken_);
    const auto last = std::stable_partition(first, observations.end(),
                                            [&](const Observation& o) { return o.stream().index == stream; });
    taken_ += static_cast<size_t>(last - first);
    return {first, last};
  }
  /// What was emitted for streams that nobody has taken yet.
  std::span<Observation> rest() { return std::span(observations).subspan(taken_); }

  std::vector<Observation> observations;
  std::vector<std::string> drops;
  size_t processed = 0;

 private:
  size_t taken_ = 0;
};

Stage::Stage(Options options, WorkerPool& pool, ModuleContext context)
    : options_(std::move(options)), pool_(pool), context_(std::move(context)) {
  counters_.name = options_.name;
  counters_.type = options_.traits.type;
}

Stage::~Stage() = default;

void Stage::add_downstream(Stage& stage) {
  downstream_.push_back(&stage);
  stage.upstream_.push_back(this);
}

void Stage::add_stream(std::shared_ptr<const StreamInfo> stream, QueueOptions queue) {
  VEDETTE_ASSERT(stream->index == lanes_.size());
  lanes_.emplace_back(std::move(stream), queue, upstream_);
  counters_.queue_capacity = std::max(counters_.queue_capacity, lanes_.back().queue.options().capacity);
}

void Stage::add_feed(uint32_t stream, Upstream& feed) { lanes_[stream].upstream.push_back(&feed); }

Module& Stage::instance_of(const Lane& lane) const { return shared_instance_ ? *shared_instance_ : *lane.instance; }

void Stage::stop_instance(std::unique_ptr<Module>& instance) {
  if (!instance) return;
  try {
    instance->stop();
  } catch (...) {
    record_failure(StreamInfo{.name = "(all)"}, 0, 0);
  }
  instance.reset();
}

void Stage::start() {
  const auto begin = [&](std::unique_ptr<Module>& slot, const std::shared_ptr<const StreamInfo>& stream) {
    auto instance = options_.factory();
    ModuleContext context = context_;
    context.stream = stream;
    instance->start(context);
    slot = std::move(instance);
    batch_ = slot->batch();
    batch_.largest = std::max<size_t>(batch_.largest, 1);
  };
  try {
    if (options_.traits.concurrency == Concurrency::kPerStream) {
      for (auto& lane : lanes_) begin(lane.instance, lane.stream);
    } else {
      begin(shared_instance_, nullptr);
    }
  } catch (...) {
    stop();
    throw;
  }
  switch (options_.traits.concurrency) {
    case Concurrency::kStateless: most_turns_ = options_.parallel ? options_.parallel : pool_.threads(); break;
    case Concurrency::kPerStream: most_turns_ = std::min(lanes_.size(), pool_.threads()); break;
    case Concurrency::kGlobal: most_turns_ = 1; break;
  }
  size_t places = 0;
  for (const auto& lane : lanes_) {
    const size_t capacity = lane.queue.options().capacity;
    places = options_.traits.concurrency == Concurrency::kPerStream ? std::max(places, capacity) : places + capacity;
  }
  full_batch_ = std::min(batch_.largest, places);
}

bool Stage::reserve(uint32_t stream) {
  Lane& lane = lanes_[stream];
  if (!lane.blocks) return true;
  const auto claim = [&] {
    size_t occupied = lane.occupied.load();
    while (occupied < lane.queue.options().capacity)
      if (lane.occupied.compare_exchange_weak(occupied, occupied + 1)) return true;
    return false;
  };
  if (claim()) return true;
  // Say that we wait before looking once more: whoever takes an observation now either leaves us the place or sees the
  // flag.
  lane.awaited.store(true);
  return claim();
}

void Stage::give_back(uint32_t stream) {
  Lane& lane = lanes_[stream];
  if (!lane.blocks) return;
  lane.occupied.fetch_sub(1);
  if (lane.awaited.load() && lane.awaited.exchange(false))
    for (Upstream* upstream : lane.upstream) upstream->room(stream);
}

void Stage::put(Observation observation, bool reserved) {
  const uint32_t stream = observation.stream().index;
  Lane& lane = lanes_[stream];
  std::optional<Item> lost;  // destroyed after the lock is released: it may hold the last reference to a picture
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    ++counters_.received;
    if (abandoned_) {
      ++counters_.dropped["stopped"];
      return;
    }
    if (!reserved && lane.blocks) lane.occupied.fetch_add(1);
    lost = lane.queue.put({std::move(observation), now()});
    if (lost) {
      ++counters_.dropped[lane.queue.options().when_full == WhenFull::kLatest ? "superseded" : "queue_full"];
    } else {
      ++queued_;
    }
    make_ready(lane);
    wake = wants_turn();
    if (wake) ++scheduled_;
  }
  if (wake) pool_.schedule(*this, WorkerPool::Where::kNext);
}

void Stage::put_end(uint32_t stream) {
  Lane& lane = lanes_[stream];
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (++lane.ends < lane.upstream.size() || abandoned_) return;
    lane.ending = true;
    ++ends_waiting_;
    make_ready(lane);
    wake = wants_turn();
    if (wake) ++scheduled_;
  }
  if (wake) pool_.schedule(*this, WorkerPool::Where::kNext);
}

void Stage::room(uint32_t stream) {
  Lane& lane = lanes_[stream];
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (!lane.parked) return;
    lane.parked = false;
    make_ready(lane);
    wake = wants_turn();
    if (wake) ++scheduled_;
  }
  if (wake) pool_.schedule(*this, WorkerPool::Where::kAnywhere);
}

void Stage::make_ready(Lane& lane) {
  if (lane.listed || lane.busy || lane.parked || !lane.has_work()) return;
  // One slow call must not let the results of all later ones pile up behind it.
  if (lane.order.outstanding() >= kReorderWindow * most_turns_) return;
  lane.listed = true;
  ready_.push_back(&lane);
}

bool Stage::wants_turn() const {
  if (abandoned_ || ready_.empty() || active_ >= most_turns_) return false;
  const size_t untimed = scheduled_ - (held_until_ ? 1 : 0);
  if (untimed > 0) return false;
  return !held_until_ || queued_ >= full_batch_ || ends_waiting_ > 0;
}

bool Stage::reserve_downstream(Lane& lane) {
  const uint32_t stream = lane.stream->index;
  for (size_t i = 0; i < downstream_.size(); ++i) {
    if (downstream_[i]->reserve(stream)) continue;
    lane.parked = true;
    // What was claimed before the refusal goes back, once our lock is released: it may wake other stages, or ourselves.
    for (size_t j = 0; j < i; ++j) refunds_.emplace_back(downstream_[j], stream);
    return false;
  }
  return true;
}

bool Stage::hold_for_batch(MonotonicTime time) {
  if (batch_.longest_wait.count() == 0 || queued_ == 0 || queued_ >= full_batch_ || ends_waiting_ > 0) return false;
  MonotonicTime oldest = time;
  for (const auto& lane : lanes_) {
    if (!lane.queue.empty()) oldest = std::min(oldest, lane.queue.front().queued);
  }
  const MonotonicTime due = oldest + batch_.longest_wait;
  if (time >= due) return false;
  if (!held_until_) {
    held_until_ = due;
    ++scheduled_;
    pool_.schedule_at(*this, due);
  }
  return true;
}

void Stage::take_from(Lane& lane, std::vector<Taken>& batch) {
  const size_t before = batch.size();
  while (batch.size() < batch_.largest && !lane.queue.empty() && reserve_downstream(lane)) {
    Item item = lane.queue.take();
    --queued_;
    batch.push_back({&lane, std::move(item.observation), 0, item.queued});
  }
  if (batch.size() < batch_.largest && lane.queue.empty() && lane.ending && !lane.end_taken) {
    lane.end_taken = true;
    --ends_waiting_;
    batch.push_back({&lane, std::nullopt, 0, {}});
  }
  if (batch.size() > before && options_.traits.concurrency == Concurrency::kStateless)
    batch[before].ticket = lane.order.issue();
}

/// Fills `batch` from the lanes in turn. False when there is nothing to take.
bool Stage::take(std::vector<Taken>& batch, MonotonicTime time) {
  if (abandoned_ || hold_for_batch(time)) return false;
  const bool per_stream = options_.traits.concurrency == Concurrency::kPerStream;
  for (size_t lanes = ready_.size(); lanes > 0 && batch.size() < batch_.largest; --lanes) {
    Lane& lane = *ready_.front();
    ready_.pop_front();
    lane.listed = false;
    const size_t before = batch.size();
    // A per-stream instance is one lane's own: its batch cannot hold another stream's observations.
    take_from(lane, batch);
    const bool taken = batch.size() > before;
    if (per_stream && taken) {
      lane.busy = true;
      break;
    }
    make_ready(lane);
    if (taken && !batch.back().observation) break;  // an end is always the last of its batch
  }
  return !batch.empty();
}

void Stage::turn() {
  static thread_local std::vector<Taken> batch;
  static thread_local std::vector<std::pair<Stage*, uint32_t>> refunds;
  MonotonicTime time = now();
  const MonotonicTime began = time;
  {
    const std::lock_guard lock(mutex_);
    --scheduled_;
    if (held_until_ && began >= *held_until_) held_until_.reset();
    // A timed turn may come while others run; each of those looks for work once more before it ends.
    if (active_ >= most_turns_) return;
    ++active_;
  }
  for (;; time = now()) {
    bool over = false;
    bool more = false;
    {
      const std::lock_guard lock(mutex_);
      const bool spent = time - began > (WorkerPool::next_is_waiting() ? kShortTurn : kLongTurn);
      over = (spent && !ready_.empty()) || !take(batch, time);
      refunds.swap(refunds_);
      // A refund can call for a turn of this very stage, which must not pass unheard: look again after it.
      if (!refunds.empty()) over = false;
      if (over) --active_;
      more = wants_turn();
      if (more) ++scheduled_;
      if (active_ == 0 && scheduled_ == 0) idle_.notify_all();
    }
    for (const auto& [stage, stream] : refunds) stage->give_back(stream);
    refunds.clear();
    // Nothing may touch the stage after its last turn but this schedule(), which `more` has counted.
    if (more) pool_.schedule(*this, WorkerPool::Where::kAnywhere);
    if (over) return;
    if (batch.empty()) continue;
    run(batch, time);
    batch.clear();
  }
}

void Stage::run(std::vector<Taken>& batch, MonotonicTime taken_at) {
  static thread_local Output output;
  output.clear();
  for (const auto& taken : batch)
    if (taken.observation) give_back(taken.lane->stream->index);
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
  execution_.record(now() - taken_at);
  if (!downstream_.empty() || !delivered_) return;
  for (size_t i = 0; i < count; ++i) delivered_(*batch[i].observation);
}

void Stage::call_end(Lane& lane, Output& output) {
  // A stateless module keeps nothing, so its end is only passed on.
  if (options_.traits.concurrency == Concurrency::kStateless) return;
  try {
    instance_of(lane).end_of_stream(*lane.stream, output);
  } catch (...) {
    record_failure(*lane.stream, 0, 0);
  }
  if (lane.instance) stop_instance(lane.instance);
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
  }
  for (size_t i = 0; i < batch.size();) {
    Lane& lane = *batch[i].lane;
    const uint64_t ticket = batch[i].ticket;
    Result result{.observations = output.take(lane.stream->index)};
    for (; i < batch.size() && batch[i].lane == &lane; ++i)
      batch[i].observation ? void(++result.places) : void(result.end = true);
    if (options_.traits.concurrency == Concurrency::kStateless) {
      finish_in_order(lane, ticket, result);
    } else {
      finish_alone(lane, result);
    }
  }
  if (!output.rest().empty()) finish_others(output.rest());
}

/// One call at a time sees the lane, so handing on at once keeps the order.
void Stage::finish_alone(Lane& lane, const Result& result) {
  hand_on(lane, result);
  const std::lock_guard lock(mutex_);
  lane.busy = false;
  make_ready(lane);
}

void Stage::finish_in_order(Lane& lane, uint64_t ticket, const Result& result) {
  std::unique_lock lock(mutex_);
  // Only one thread hands on at a time; whoever finishes meanwhile, or too early, leaves its result for it.
  if (lane.releasing || !lane.order.pass(ticket)) {
    const auto& from = result.observations;
    lane.order.finish(
        ticket,
        {{std::make_move_iterator(from.begin()), std::make_move_iterator(from.end())}, result.places, result.end});
    return;
  }
  lane.releasing = true;
  lock.unlock();
  hand_on(lane, result);
  lock.lock();
  while (auto kept = lane.order.release()) {
    lock.unlock();
    hand_on(lane, {kept->observations, kept->places, kept->end});
    lock.lock();
  }
  lane.releasing = false;
  make_ready(lane);
}

/// What a kGlobal module emitted for streams that were not in its batch. A stream that has ended stays ended.
void Stage::finish_others(std::span<Observation> observations) {
  VEDETTE_ASSERT(options_.traits.concurrency == Concurrency::kGlobal);
  for (auto& observation : observations) {
    VEDETTE_ASSERT(observation.stream().index < lanes_.size());
    Lane& lane = lanes_[observation.stream().index];
    bool ended = false;
    {
      const std::lock_guard lock(mutex_);
      ended = lane.end_taken;
      if (ended) ++counters_.dropped["stream_ended"];
    }
    if (!ended) hand_on(lane, {.observations = {&observation, 1}});
  }
}

void Stage::hand_on(Lane& lane, const Result& result) {
  const uint32_t stream = lane.stream->index;
  for (size_t d = 0; d < downstream_.size(); ++d) {
    Stage& stage = *downstream_[d];
    size_t places = result.places;
    const bool last = d + 1 == downstream_.size();
    for (auto& observation : result.observations) {
      const bool reserved = places > 0;
      if (reserved) --places;
      stage.put(last ? std::move(observation) : observation, reserved);
    }
    for (; places > 0; --places) stage.give_back(stream);
  }
  if (result.end) pass_end_on(lane);
}

void Stage::pass_end_on(Lane& lane) {
  for (Stage* stage : downstream_) stage->put_end(lane.stream->index);
  if (stream_done_) stream_done_();
}

ModuleStatus Stage::status() const {
  const std::lock_guard lock(mutex_);
  ModuleStatus copy = counters_;
  copy.queue_depth = queued_;
  copy.wait = wait_.snapshot();
  copy.execution = execution_.snapshot();
  return copy;
}

void Stage::abandon() {
  std::vector<Item> discarded;
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    const size_t forgotten = pool_.forget(*this);
    scheduled_ -= forgotten;
    if (forgotten) held_until_.reset();
    if (queued_) counters_.dropped["stopped"] += queued_;
    queued_ = 0;
    ready_.clear();
    for (auto& lane : lanes_) {
      lane.listed = false;
      while (!lane.queue.empty()) discarded.push_back(lane.queue.take());
    }
    if (active_ == 0 && scheduled_ == 0) idle_.notify_all();
  }
}

void Stage::wait_idle() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return active_ == 0 && scheduled_ == 0; });
}

void Stage::stop() {
  stop_instance(shared_instance_);
  for (auto& lane : lanes_) stop_instance(lane.instance);
}

}  // namespace vedette::graph
