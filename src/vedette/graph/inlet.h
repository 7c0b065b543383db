#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "vedette/frame/observation.h"

namespace vedette::graph {

class Outlet;
class Inlet;
using Readers = std::vector<std::shared_ptr<Inlet>>;

/// Why an outlet puts no more.
enum class Ending {
  kStreamOver,  ///< the stream itself is over: a file's last frame has passed
  kParted,      ///< only this way is: something was moved, removed or shut down, and the stream may go on by another
};

/// One stream's way into whatever takes observations: a stage, or a link to another node. Thread-safe; never blocks.
class Inlet {
 public:
  virtual ~Inlet() = default;
  /// One outlet more will put here. It is told room() after a refusal.
  virtual void join(std::weak_ptr<Outlet> outlet) = 0;
  /// Reserves one place. False when it is full and blocks: every outlet that has joined will get room(). Inlets that
  /// let something go when they are full always have room.
  virtual bool reserve() = 0;
  virtual void give_back() = 0;
  /// Puts an observation; `reserved` says that reserve() was called for it.
  virtual void put(Observation observation, bool reserved) = 0;
  /// The outlet will put no more. When the last one has said so the stream ends here.
  virtual void end(const Outlet& outlet, Ending why) = 0;
};

/// One stream's way out of a source, a stage or a link. Its readers come and go while it runs: who is added gets
/// everything that is taken up after that, who is removed gets what was taken up before that and then the end.
class Outlet {
 public:
  virtual ~Outlet() = default;
  /// Adds and removes at one moment: where one reader takes another's place, each observation goes to just one of them.
  /// Who is added has joined before (Inlet::join); who goes from one outlet to another joins the new one before it is
  /// removed from the old one, since a reader with no outlet left takes its stream to be over.
  virtual void change_readers(const Readers& add, const Readers& remove) = 0;
  void remove_reader(std::shared_ptr<Inlet> reader) { change_readers({}, {std::move(reader)}); }
  /// An inlet that refused a place has room again. Called from any thread, without locks held.
  virtual void room() = 0;
};

/// One edge more.
inline void connect(const std::shared_ptr<Outlet>& outlet, const std::shared_ptr<Inlet>& reader) {
  reader->join(outlet);
  outlet->change_readers({reader}, {});
}

}  // namespace vedette::graph
