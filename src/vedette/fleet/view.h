#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "vedette/fleet/controller.h"
#include "vedette/net/principal.h"

namespace vedette::fleet {

/// What the API shows of the fleet (docs/fleet-api.md), to one who may see only his tenant's part: other tenants'
/// applications stand as "another tenant".
class View {
 public:
  View(Snapshot snapshot, net::Principal principal);

  nlohmann::json nodes() const;
  nlohmann::json applications() const;
  /// With YAML, history, graph and prediction. Throws Error(kNotFound) with the nearest name.
  nlohmann::json application(const std::string& name) const;
  nlohmann::json replicas() const;
  nlohmann::json streams() const;
  nlohmann::json links() const;
  size_t application_count() const;
  size_t stream_count() const { return snapshot_.planned->shared.streams.size(); }
  size_t replica_count() const;
  /// The keys of what an application's frames come through, streams too. Throws as application().
  std::vector<std::string> keys_of(const std::string& name) const;
  bool sees(const std::string& application) const;

  struct Measured {
    plan::Quantiles latency;
    bool any = false;
    double fps = 0;
    uint64_t delivered = 0;
    uint64_t gaps = 0;
    std::string last_error;
    bool failed = false;
  };
  struct Verdict {
    std::string state;
    std::string why;
    int met = -1;  ///< 0, 1; -1: nothing was asked for or measured
  };
  struct StageAt {
    const NodeState* node = nullptr;
    const plan::StageReport* report = nullptr;
  };
  struct StreamAt {
    const NodeState* node = nullptr;
    const plan::StreamReport* report = nullptr;
  };

 private:
  nlohmann::json base(const Application& application) const;
  nlohmann::json graph(const plan::ApplicationWish& wish) const;
  Verdict judge(const Application& application, const Measured& measured) const;
  Measured measured(const std::string& application) const;
  const Application& find(const std::string& name) const;
  const plan::ApplicationWish& wish_of(const Application& application) const;
  std::vector<std::string> visible(const std::vector<std::string>& applications) const;
  plan::Drops drops_of(const plan::ApplicationWish& wish) const;
  const std::string* node_of(const std::string& stage, const std::string& stream) const;

  Snapshot snapshot_;
  net::Principal principal_;
  std::map<std::string, const Application*> applications_;
  std::map<std::string, const NodeState*> nodes_;
  std::map<std::string, Measured> measured_;
  std::map<std::string, std::vector<StageAt>> stages_;   // by key
  std::map<std::string, StreamAt> streams_;              // by key
  std::map<std::string, const plan::Stage*> planned_stages_;
};

nlohmann::json to_json_value(const plan::Quantiles& q);
nlohmann::json to_json_value(const plan::Prediction& prediction);

}  // namespace vedette::fleet
