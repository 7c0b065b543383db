#pragma once

#include "vedette/fleet/controller.h"
#include "vedette/node/reporter.h"

namespace vedette::cli {

/// The way of a node's reports to the controller that is in the same process.
class LocalReporter final : public node::Reporter {
 public:
  /// `controller` outlives the reporter.
  explicit LocalReporter(fleet::Controller& controller) : controller_(controller) {}
  node::Answer report(const plan::NodeReport& report, Duration wait) override;
  /// The controller stops with its node.
  void cancel() override { controller_.stop(); }

 private:
  fleet::Controller& controller_;
};

}  // namespace vedette::cli
