#pragma once

#include <memory>

#include "vedette/graph/bounded_queue.h"
#include "vedette/graph/import.h"
#include "vedette/graph/inlet.h"
#include "vedette/plan/node_plan.h"

namespace vedette::graph {

/// The links to other nodes, as the executor uses them. Implemented by node/. Calls come from one thread at a time.
class Exchange {
 public:
  virtual ~Exchange() = default;
  /// The way out to channel.node. `queue` says how much may be on its way, and what happens to more. Letting go of the
  /// inlet closes the channel on this side; before that its end() lets everything come out.
  virtual std::shared_ptr<Inlet> open_export(const plan::Channel& channel, std::shared_ptr<const StreamInfo> stream,
                                             QueueOptions queue) = 0;
  /// What channel.node sends goes into `import`, until the returned handle is let go of.
  virtual std::shared_ptr<void> open_import(const plan::Channel& channel, std::shared_ptr<const StreamInfo> stream,
                                            std::shared_ptr<Import> import) = 0;
  /// Addresses of other nodes may have changed.
  virtual void set_peers(const std::map<std::string, std::vector<std::string>>& addresses) = 0;
};

}  // namespace vedette::graph
