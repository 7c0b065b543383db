#include "vedette/graph/lane.h"

#include <algorithm>

#include "vedette/graph/stage.h"

namespace vedette::graph {
namespace {

/// kStateless: pieces of work of one lane that may be taken and not handed on yet, for each call that may run at the
/// same time.
constexpr size_t kReorderWindow = 4;

}  // namespace

Lane::Lane(std::shared_ptr<Stage> stage, std::shared_ptr<const StreamInfo> stream, QueueOptions queue)
    : stage_(std::move(stage)),
      stream_(std::move(stream)),
      blocks_(queue.when_full == WhenFull::kBlock),
      queue_(queue) {}

bool Lane::ended() const {
  const std::lock_guard lock(stage_->mutex_);
  return ended_ && in_use_ == 0;
}

void Lane::resume_after(uint64_t sequence) {
  const std::lock_guard lock(stage_->mutex_);
  resumption_.after(sequence);
}

uint64_t Lane::missed() const {
  const std::lock_guard lock(stage_->mutex_);
  return missed_;
}

void Lane::join(std::weak_ptr<Outlet> outlet) {
  const auto alive = outlet.lock();
  const std::lock_guard lock(stage_->mutex_);
  outlets_.emplace_back(alive.get(), std::move(outlet));
}

bool Lane::reserve() {
  if (!blocks_) return true;
  const auto claim = [&] {
    size_t occupied = occupied_.load();
    while (occupied < queue_.options().capacity)
      if (occupied_.compare_exchange_weak(occupied, occupied + 1)) return true;
    return false;
  };
  if (claim()) return true;
  // Say that somebody waits before looking once more: whoever takes an observation now either leaves us the place or
  // sees the flag.
  awaited_.store(true);
  return claim();
}

void Lane::give_back() {
  if (!blocks_) return;
  occupied_.fetch_sub(1);
  if (!awaited_.load() || !awaited_.exchange(false)) return;
  std::vector<std::shared_ptr<Outlet>> waiting;
  {
    const std::lock_guard lock(stage_->mutex_);
    for (const auto& [identity, outlet] : outlets_)
      if (auto alive = outlet.lock()) waiting.push_back(std::move(alive));
  }
  for (const auto& outlet : waiting) outlet->room();
}

void Lane::put(Observation observation, bool reserved) {
  Stage& stage = *stage_;
  std::optional<Item> lost;  // destroyed after the lock is released: it may hold the last reference to a picture
  bool wake = false;
  {
    const std::lock_guard lock(stage.mutex_);
    ++stage.counters_.received;
    missed_ += resumption_.missing_before(observation.frame().sequence);
    if (stage.abandoned_ || end_taken_) {
      ++stage.counters_.dropped["stopped"];
      if (reserved && blocks_) occupied_.fetch_sub(1);
      return;
    }
    if (!reserved && blocks_) occupied_.fetch_add(1);
    lost = queue_.put({std::move(observation), Clock::system().monotonic()});
    if (lost) {
      ++stage.counters_.dropped[queue_.options().when_full == WhenFull::kLatest ? "superseded" : "queue_full"];
    } else {
      ++stage.queued_;
    }
    stage.make_ready(*this);
    wake = stage.wants_turn();
  }
  if (wake) stage.pool_.schedule(stage, WorkerPool::Where::kNext);
}

void Lane::end(const Outlet& outlet, Ending why) {
  Stage& stage = *stage_;
  bool wake = false;
  {
    const std::lock_guard lock(stage.mutex_);
    std::erase_if(outlets_, [&](const auto& entry) { return entry.first == &outlet; });
    if (ending_ || stage.abandoned_) return;
    if (!outlets_.empty()) return;
    why_ = why;  // of the last: those that parted before it were replaced
    ending_ = true;
    ++stage.ends_waiting_;
    stage.make_ready(*this);
    wake = stage.wants_turn();
  }
  if (wake) stage.pool_.schedule(stage, WorkerPool::Where::kNext);
}

/// Who is removed gets its end after everything that was taken for it: in its turn for a stateless module, after the
/// call that runs for any other.
void Lane::change_readers(const Readers& add, const Readers& remove) {
  Stage& stage = *stage_;
  const bool ordered = stage.options_.traits.concurrency == Concurrency::kStateless;
  std::vector<std::pair<uint64_t, std::shared_ptr<Inlet>>> parting;
  bool over = false;
  bool wake = false;
  Ending why{};
  {
    const std::lock_guard lock(stage.mutex_);
    over = ended_ || stage.abandoned_;
    why = why_;
    if (!over)
      for (const auto& reader : add) readers_.add(reader);
    for (const auto& reader : remove) {
      auto removed = readers_.remove(*reader);
      if (!removed) continue;  // the stream's end has passed already, and told it
      if (ordered) {
        parting.emplace_back(order_.issue(), std::move(removed));
        ++in_use_;
      } else if (in_use_ > 0 || stage.calling_) {
        departing_.push_back(std::move(removed));
        ++stage.departures_;
      } else {
        parting.emplace_back(0, std::move(removed));
      }
    }
    if (parked_) {
      parked_ = false;
      stage.make_ready(*this);
    }
    wake = stage.wants_turn();
  }
  if (wake) stage.pool_.schedule(stage, WorkerPool::Where::kAnywhere);
  if (over)
    for (const auto& reader : add) reader->end(*this, why);
  for (auto& [ticket, reader] : parting) {
    if (ordered) {
      stage.leave_in_order(*this, ticket, std::move(reader));
    } else {
      reader->end(*this, Ending::kParted);
    }
  }
}

void Lane::room() {
  Stage& stage = *stage_;
  bool wake = false;
  {
    const std::lock_guard lock(stage.mutex_);
    if (!parked_) return;
    parked_ = false;
    stage.make_ready(*this);
    wake = stage.wants_turn();
  }
  if (wake) stage.pool_.schedule(stage, WorkerPool::Where::kAnywhere);
}

void Stage::make_ready(Lane& lane) {
  if (abandoned_ || lane.listed_ || lane.parked_ || !lane.has_work()) return;
  switch (options_.traits.concurrency) {
    case Concurrency::kPerStream:
      if (lane.in_use_ > 0) return;
      break;
    case Concurrency::kStateless:
      // One slow call must not let the results of all later ones pile up behind it.
      if (lane.order_.outstanding() >= kReorderWindow * most_turns_) return;
      break;
    case Concurrency::kGlobal: break;
  }
  lane.listed_ = true;
  ready_.push_back(&lane);
}

/// Whether a turn should be scheduled; counts it as scheduled.
bool Stage::wants_turn() {
  if (abandoned_ || ready_.empty() || active_ >= most_turns_) return false;
  const size_t untimed = scheduled_ - (held_until_ ? 1 : 0);
  if (untimed > 0) return false;
  if (held_until_ && queued_ < full_batch_ && ends_waiting_ == 0) return false;
  ++scheduled_;
  return true;
}

}  // namespace vedette::graph
