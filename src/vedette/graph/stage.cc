#include "vedette/graph/stage.h"

#include <algorithm>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/graph/stage_call.h"

namespace vedette::graph {
namespace {

/// How long a turn may go on taking observations while another stage waits for this very thread, and otherwise.
constexpr Duration kShortTurn = std::chrono::microseconds(50);
constexpr Duration kLongTurn = std::chrono::milliseconds(2);

MonotonicTime now() { return Clock::system().monotonic(); }

}  // namespace

Stage::Stage(Options options, WorkerPool& pool, ModuleContext context)
    : options_(std::move(options)), pool_(pool), context_(std::move(context)) {
  counters_.key = options_.key;
  counters_.name = options_.name;
  counters_.type = options_.traits.type;
}

Stage::~Stage() = default;

void Stage::begin_instance(std::unique_ptr<Module>& slot, const std::shared_ptr<const StreamInfo>& stream) {
  auto instance = options_.factory();
  ModuleContext context = context_;
  context.stream = stream;
  instance->start(context);
  slot = std::move(instance);
}

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
  if (options_.traits.concurrency == Concurrency::kPerStream) return;
  begin_instance(shared_instance_, nullptr);
  const std::lock_guard lock(mutex_);
  batch_ = shared_instance_->batch();
  resize();
}

std::shared_ptr<Lane> Stage::add_stream(std::shared_ptr<const StreamInfo> stream, QueueOptions queue) {
  auto lane = std::make_shared<Lane>(shared_from_this(), std::move(stream), queue);
  const bool own = options_.traits.concurrency == Concurrency::kPerStream;
  if (own) begin_instance(lane->instance_, lane->stream_);
  const std::lock_guard lock(mutex_);
  if (own) batch_ = lane->instance_->batch();
  lanes_.push_back(lane);
  counters_.queue_capacity = std::max(counters_.queue_capacity, lane->queue_.options().capacity);
  resize();
  return lane;
}

/// How much may run at once and how large a full batch is follow from the lanes.
void Stage::resize() {
  batch_.largest = std::max<size_t>(batch_.largest, 1);
  size_t places = 0;
  const bool per_stream = options_.traits.concurrency == Concurrency::kPerStream;
  for (const auto& lane : lanes_) {
    const size_t capacity = lane->queue_.options().capacity;
    places = per_stream ? std::max(places, capacity) : places + capacity;
  }
  full_batch_ = std::clamp<size_t>(places, 1, batch_.largest);
  switch (options_.traits.concurrency) {
    case Concurrency::kStateless:
      if (!options_.parallel.automatic)
        most_turns_ = options_.parallel.calls ? options_.parallel.calls : pool_.threads();
      break;
    case Concurrency::kPerStream: most_turns_ = std::max<size_t>(1, std::min(lanes_.size(), pool_.threads())); break;
    case Concurrency::kGlobal: most_turns_ = 1; break;
  }
}

bool Stage::reserve_readers(Lane& lane, const Readers& readers) {
  for (size_t i = 0; i < readers.size(); ++i) {
    if (readers[i]->reserve()) continue;
    lane.parked_ = true;
    // What was claimed before the refusal goes back, once our lock is released: it may wake other stages, or ourselves.
    refunds_.insert(refunds_.end(), readers.begin(), readers.begin() + static_cast<ptrdiff_t>(i));
    return false;
  }
  return true;
}

bool Stage::hold_for_batch(MonotonicTime time) {
  if (batch_.longest_wait.count() == 0 || queued_ == 0 || queued_ >= full_batch_ || ends_waiting_ > 0) return false;
  MonotonicTime oldest = time;
  for (const auto& lane : lanes_) {
    if (!lane->queue_.empty()) oldest = std::min(oldest, lane->queue_.front().queued);
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
  const auto readers = lane.readers_.now();
  while (batch.size() < batch_.largest && !lane.queue_.empty() && reserve_readers(lane, *readers)) {
    Lane::Item item = lane.queue_.take();
    --queued_;
    batch.push_back({&lane, std::move(item.observation), item.queued});
  }
  if (batch.size() < batch_.largest && lane.queue_.empty() && lane.ending_ && !lane.end_taken_) {
    lane.end_taken_ = true;
    --ends_waiting_;
    batch.push_back({&lane, std::nullopt, {}});
  }
  if (batch.size() == before) return;
  batch[before].readers = readers;
  ++lane.in_use_;
  if (options_.traits.concurrency == Concurrency::kStateless) batch[before].ticket = lane.order_.issue();
}

/// Fills `batch` from the lanes in turn. False when there is nothing to take.
bool Stage::take(std::vector<Taken>& batch, MonotonicTime time) {
  if (abandoned_ || hold_for_batch(time)) return false;
  for (size_t lanes = ready_.size(); lanes > 0 && batch.size() < batch_.largest; --lanes) {
    Lane& lane = *ready_.front();
    ready_.pop_front();
    lane.listed_ = false;
    const size_t before = batch.size();
    take_from(lane, batch);
    const bool taken = batch.size() > before;
    // A per-stream instance is one lane's own: its batch cannot hold another stream's observations.
    if (taken && options_.traits.concurrency == Concurrency::kPerStream) break;
    make_ready(lane);
    if (taken && !batch.back().observation) break;  // an end is always the last of its batch
  }
  calling_ = !batch.empty() && options_.traits.concurrency == Concurrency::kGlobal;
  return !batch.empty();
}

void Stage::turn() {
  static thread_local std::vector<Taken> batch;
  static thread_local std::vector<std::shared_ptr<Inlet>> refunds;
  MonotonicTime time = now();
  const MonotonicTime began = time;
  {
    const std::lock_guard lock(mutex_);
    --scheduled_;
    if (held_until_ && began >= *held_until_) held_until_.reset();
    if (options_.parallel.automatic && options_.traits.concurrency == Concurrency::kStateless)
      most_turns_ = meter_.advise(began, most_turns_, pool_.threads());
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
      if (active_ == 0 && scheduled_ == 0) idle_.notify_all();
    }
    for (const auto& inlet : refunds) inlet->give_back();
    refunds.clear();
    // Nothing may touch the stage after its last turn but this schedule(), which `more` has counted.
    if (more) pool_.schedule(*this, WorkerPool::Where::kAnywhere);
    if (over) return;
    if (batch.empty()) continue;
    run(batch, time);
    batch.clear();
  }
}

ModuleStatus Stage::status() const {
  const std::lock_guard lock(mutex_);
  ModuleStatus copy = counters_;
  copy.queue_depth = queued_;
  copy.wait = wait_.snapshot();
  copy.execution = execution_.snapshot();
  copy.latency = latency_.snapshot();
  return copy;
}

bool Stage::remove_stream(Lane& lane, Duration limit) {
  std::vector<Lane::Item> discarded;
  std::shared_ptr<Lane> removed;
  std::vector<std::shared_ptr<Inlet>> departing;
  std::shared_ptr<const Readers> readers;
  {
    std::unique_lock lock(mutex_);
    while (!lane.queue_.empty()) discarded.push_back(lane.queue_.take());
    if (!discarded.empty()) counters_.dropped["stopped"] += discarded.size();
    queued_ -= discarded.size();
    if (lane.ending_ && !lane.end_taken_) --ends_waiting_;
    lane.ending_ = lane.end_taken_ = true;  // nothing more is taken in or out
    if (lane.listed_) std::erase(ready_, &lane);
    lane.listed_ = false;
    if (!idle_.wait_for(lock, limit, [&] { return lane.in_use_ == 0 && !calling_; })) return false;
    lane.ended_ = true;
    readers = lane.readers_.clear();
    const auto found = std::find_if(lanes_.begin(), lanes_.end(), [&](const auto& l) { return l.get() == &lane; });
    VEDETTE_ASSERT(found != lanes_.end());
    removed = std::move(*found);
    lanes_.erase(found);
    resize();
  }
  for (const auto& reader : *readers) reader->end(lane, Ending::kParted);
  stop_instance(removed->instance_);
  return true;
}

void Stage::abandon() {
  std::vector<Lane::Item> discarded;
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  const size_t forgotten = pool_.forget(*this);
  scheduled_ -= forgotten;
  if (forgotten) held_until_.reset();
  if (queued_) counters_.dropped["stopped"] += queued_;
  queued_ = 0;
  ready_.clear();
  for (const auto& lane : lanes_) {
    lane->listed_ = false;
    while (!lane->queue_.empty()) discarded.push_back(lane->queue_.take());
  }
  if (active_ == 0 && scheduled_ == 0) idle_.notify_all();
}

bool Stage::stop(Duration limit) {
  abandon();
  std::vector<std::shared_ptr<Lane>> lanes;
  {
    std::unique_lock lock(mutex_);
    if (!idle_.wait_for(lock, limit, [&] { return active_ == 0 && scheduled_ == 0; })) return false;
    lanes.swap(lanes_);
    for (const auto& lane : lanes) lane->ended_ = true;
  }
  for (const auto& lane : lanes) {
    stop_instance(lane->instance_);
    lane->readers_.clear();
  }
  stop_instance(shared_instance_);
  return true;
}

}  // namespace vedette::graph
