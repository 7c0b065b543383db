#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/graph/executor.h"
#include "vedette/link/status.h"
#include "vedette/node/options.h"
#include "vedette/node/reporter.h"
#include "vedette/plan/report.h"

namespace vedette::node {

/// One machine's part of a fleet: an executor, links to other nodes, the memory of what was wanted last, and reports to
/// the controller.
///
///   Node node(read_node_options(load_config("node.yaml"), {"console"}), version);
///   node.offer(hub);
///   node.set_console(server.url());
///   node.start();
///   … a signal comes …
///   node.drain(second_signal);
///   node.stop();
class Node {
 public:
  /// Opens the memory and binds the links' addresses; nothing runs yet. Measures the speed of a core, which takes some
  /// 20 ms. `reporter`: the way to the controller; null: HTTP to options.controllers.
  /// Throws Error for what is wrong with the options, an address or folder in use, a secret that is missing.
  Node(NodeOptions options, const std::string& version, std::unique_ptr<Reporter> reporter = nullptr);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Offers modules a service; before start(). Must outlive the node.
  template <typename T>
  void offer(T& service) {
    executor().offer(service);
  }
  /// The URL of this node's console, which reports name. Before start().
  void set_console(std::string url);

  void start();
  /// See Runner::drain(). Then nothing runs any more.
  void drain(const std::stop_token& at_once = {});
  /// Ends everything now. May be called twice.
  void stop();

  graph::Executor& executor();
  const NodeOptions& options() const;
  /// Empty: ready. For /health/ready.
  std::vector<std::string> unready_reasons() const;
  bool connected() const;           ///< whether a controller answered the last report
  plan::NodeReport report() const;  ///< the newest, without log and spans
  link::EndpointStatus links() const;
  /// vedette_node_… and vedette_link_… in Prometheus' text format, to be put behind what the console prints.
  std::string metrics() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace vedette::node
