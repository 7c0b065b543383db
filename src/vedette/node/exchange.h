#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "vedette/graph/exchange.h"
#include "vedette/link/endpoint.h"
#include "vedette/node/options.h"

namespace vedette::node {

class LeavingSenders;

/// The executor's way to other nodes: its exports become senders, its imports receivers of the link endpoint.
///
/// An export whose stream has ended may be let go of at once: its sender stays until everything has arrived at the
/// other node, or `leave_limit` has passed.
class LinkExchange final : public graph::Exchange {
 public:
  /// `endpoint` outlives it and every inlet and handle that it gave.
  LinkExchange(link::Endpoint& endpoint, LinkSettings settings, Duration leave_limit = std::chrono::seconds(5));
  ~LinkExchange() override;

  std::shared_ptr<graph::Inlet> open_export(const plan::Channel& channel, std::shared_ptr<const StreamInfo> stream,
                                            graph::QueueOptions queue) override;
  std::shared_ptr<void> open_import(const plan::Channel& channel, std::shared_ptr<const StreamInfo> stream,
                                    std::shared_ptr<graph::Import> import) override;
  void set_peers(const std::map<std::string, std::vector<std::string>>& addresses) override;

  /// Lets senders go that are done or have had their time. From any thread; call it now and then.
  void tidy();
  /// Waits until no sender is leaving any more. False when `limit` passed.
  bool wait_left(Duration limit);

 private:
  link::Endpoint& endpoint_;
  const LinkSettings settings_;
  const std::shared_ptr<LeavingSenders> leaving_;
  std::map<std::string, std::vector<std::string>> peers_;
};

}  // namespace vedette::node
