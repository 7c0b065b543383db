#pragma once

#include <string>

#include "vedette/fleet/controller.h"
#include "vedette/net/message.h"
#include "vedette/net/principal.h"

namespace vedette::fleet {

/// The fleet's calls, one function each: who asks and what in, JSON text out (docs/fleet-api.md). REST and gRPC serve
/// these and nothing else. Roles are checked before. Throws Error, as Controller and View do. Thread-safe.
class Control {
 public:
  explicit Control(Controller& controller) : controller_(controller) {}

  using Who = const net::Principal&;
  std::string fleet(Who who) const;
  std::string nodes(Who who) const;
  std::string applications(Who who) const;
  std::string application(Who who, const std::string& name) const;
  std::string replicas(Who who) const;
  std::string streams(Who who) const;
  std::string links(Who who) const;
  std::string metrics(Who who) const;
  /// Every application's YAML that `who` may see, one document each.
  std::string export_yaml(Who who) const;

  struct LogFilter {
    uint64_t after = EventLog::kNewest;
    size_t limit = 200;
    std::string application;
    std::string node;
  };
  std::string log(Who who, const LogFilter& filter) const;
  std::string traces(Who who, const std::string& application, size_t limit) const;

  std::string apply(Who who, const std::string& name, const std::string& yaml, const Controller::ApplyOptions& options);
  /// The name that the YAML gives; for callers who have no other.
  static std::string name_in(const std::string& yaml);
  std::string update(Who who, const std::string& name, const std::string& module, const std::string& settings,
                     const Controller::ApplyOptions& options);
  std::string remove(Who who, const std::string& name);
  std::string set_running(Who who, const std::string& name, bool running);
  std::string drain(Who who, const std::string& node, bool drained);
  std::string set_labels(Who who, const std::string& node, const std::string& labels);
  std::string forget(Who who, const std::string& node);
  /// `name` is the one in the path of the call.
  std::string report(const std::string& name, const std::string& body, Duration wait);

  /// Lines after `after` that `who` may see, as JSON objects one each; moves `after` on.
  std::vector<std::string> new_lines(Who who, uint64_t& after, const LogFilter& filter) const;
  Controller& controller() const { return controller_; }

 private:
  Controller& controller_;
};

}  // namespace vedette::fleet
