#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "vedette/graph/bounded_queue.h"
#include "vedette/graph/inlet.h"
#include "vedette/graph/module.h"
#include "vedette/graph/reader_list.h"
#include "vedette/graph/resequencer.h"
#include "vedette/graph/resumption.h"

namespace vedette::graph {

class Stage;

/// One stream's way through a stage: its part of the queue on one side, its readers on the other, and for a kPerStream
/// module the instance between them.
///
///   idle ──put──▶ ready ──taken──▶ busy (kPerStream) ──▶ idle | ready ──last end taken──▶ ended
///                   │  ▲
///      no room below▼  │room()
///                 parked
class Lane final : public Inlet, public Outlet {
 public:
  Lane(std::shared_ptr<Stage> stage, std::shared_ptr<const StreamInfo> stream, QueueOptions queue);

  const std::shared_ptr<const StreamInfo>& stream() const { return stream_; }
  /// Whether the stream's end has passed through, and nothing of it is under way any more.
  bool ended() const;
  /// Its module did its work for this stream on another node, and this was the last frame that came from there: what is
  /// missing between that and the first one here is a gap. Before the first put().
  void resume_after(uint64_t sequence);
  /// How many frames that gap has.
  uint64_t missed() const;

  void join(std::weak_ptr<Outlet> outlet) override;
  bool reserve() override;
  void give_back() override;
  void put(Observation observation, bool reserved) override;
  void end(const Outlet& outlet, Ending why) override;

  void change_readers(const Readers& add, const Readers& remove) override;
  void room() override;

 private:
  friend class Stage;

  struct Item {
    Observation observation;
    MonotonicTime queued;
  };
  /// What a piece of work gave, when it has to wait for those before it.
  struct KeptResult {
    std::shared_ptr<const Readers> readers;
    std::vector<Observation> observations;
    size_t places = 0;
    bool end = false;
    std::shared_ptr<Inlet> departing;
  };

  /// Whether there is something to do: an observation, or the end after the last one.
  bool has_work() const { return !queue_.empty() || (ending_ && !end_taken_); }

  const std::shared_ptr<Stage> stage_;
  const std::shared_ptr<const StreamInfo> stream_;
  const bool blocks_;
  std::atomic<size_t> occupied_{0};   // kBlock: observations queued, and places reserved
  std::atomic<bool> awaited_{false};  // kBlock: an outlet was refused a place

  // Guarded by the stage's mutex.
  std::vector<std::pair<const Outlet*, std::weak_ptr<Outlet>>> outlets_;
  BoundedQueue<Item> queue_;
  ReaderList readers_;
  std::vector<std::shared_ptr<Inlet>> departing_;  // readers that get the end once the call that runs is through
  Resequencer<KeptResult> order_;                  // kStateless
  bool ending_ = false;                            // every outlet has sent its end
  Ending why_ = Ending::kStreamOver;               // what the last one said
  bool end_taken_ = false;
  bool ended_ = false;     // … and passed on
  bool listed_ = false;    // in the stage's list of ready lanes
  bool parked_ = false;    // a reader was full
  bool releasing_ = false;  // kStateless: a thread is handing on in order
  size_t in_use_ = 0;      // calls that hold something of this lane; kPerStream: at most one
  std::unique_ptr<Module> instance_;  // kPerStream
  Resumption resumption_;
  uint64_t missed_ = 0;
};

}  // namespace vedette::graph
