#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/frame/observation.h"
#include "vedette/graph/inlet.h"
#include "vedette/graph/reader_list.h"
#include "vedette/graph/resumption.h"

namespace vedette::graph {

/// Where observations of one stream that another node sends come in. Holds at most `places` that no reader has room for
/// yet; the sender is held back by credits, so more never come. Thread-safe.
class Import final : public Outlet, public std::enable_shared_from_this<Import> {
 public:
  struct Counts {
    uint64_t received = 0;
    std::map<std::string, uint64_t, std::less<>> gaps;  ///< by reason
  };

  explicit Import(size_t places) : places_(places) {}
  /// Whoever still reads here is told that it is over; what nobody had room for is gone.
  ~Import() override;
  Import(const Import&) = delete;
  Import& operator=(const Import&) = delete;

  /// How the link gives a credit back once an observation has gone on to every reader; called from any thread, without
  /// locks held. Set before the first deliver().
  void on_taken(std::function<void(size_t)> taken);
  size_t places() const { return places_; }
  /// Goes on where another way ended, whose last frame had this number: what is missing between that and the first
  /// one here is a gap, "moved". Before the first deliver().
  void resume_after(uint64_t sequence);
  /// Of the newest frame that came.
  std::optional<uint64_t> last_sequence() const;

  /// An observation has come. Hands on as many as all readers have room for. Never blocks.
  void deliver(Observation observation);
  /// The link lost some; counted.
  void gap(uint64_t observations, std::string_view reason);
  /// No more will come: the producer's stream is over, or this node wants it no more. After the last observation.
  void end(Ending why);
  Counts counts() const;
  /// Whether everything has gone on, and every reader was told the end.
  bool ended() const;
  /// As end(kParted), at once: what still waits is dropped, which whoever takes our place counts as a gap, "moved".
  void cut_off();

  /// Takes the place of `before`, which brings the same in another form: what comes here waits until all that was sent
  /// there has gone on, so that nothing is lost or out of order. `link` is kept so long. A sender that died closes
  /// nothing: when all places are taken and nothing waits there, what is missing is a gap, "moved". What went on there
  /// already and comes here once more is left out. Before the first deliver(), and once.
  void follow(const std::shared_ptr<Import>& before, std::shared_ptr<void> link);
  /// No more comes unless another sender does.
  void sender_closed();

  void change_readers(const Readers& add, const Readers& remove) override;
  void room() override;

 private:
  /// How far this and what it takes the place of have come.
  struct Progress {
    std::optional<uint64_t> handed;  ///< the newest that went on
    bool idle = true;                ///< nothing waits
    bool ended = false;
    bool cut_off = false;
  };

  void hand_on();
  bool must_wait(std::unique_lock<std::mutex>& lock);
  bool leave_out_known(std::optional<uint64_t> handed, std::unique_lock<std::mutex>& lock);
  bool may_end() const;
  void tell_end(std::unique_lock<std::mutex>& lock);
  void close();
  Progress progress() const;
  void lead(std::weak_ptr<Import> next);

  const size_t places_;
  mutable std::mutex mutex_;
  std::function<void(size_t)> taken_;
  std::deque<Observation> waiting_;
  ReaderList readers_;
  bool handing_ = false;  // a thread is in hand_on()
  bool again_ = false;    // … and must look once more
  Ending why_ = Ending::kStreamOver;
  bool ending_ = false;   // the producer's stream is over
  bool ended_ = false;    // … and every reader has been told
  std::vector<std::shared_ptr<Inlet>> departing_;
  std::optional<uint64_t> last_sequence_;
  Resumption resumption_;
  Counts counts_;
  std::optional<uint64_t> handed_;  // the newest that went on
  bool sender_closed_ = false;
  bool awaits_before_ = true;  // our end comes after that of the one whose place we take
  bool cut_off_ = false;
  size_t left_out_ = 0;
  std::weak_ptr<Import> next_;      // takes our place
  std::shared_ptr<Import> before_;  // whose place we take, until it has ended
  std::shared_ptr<void> before_link_;
};

}  // namespace vedette::graph
