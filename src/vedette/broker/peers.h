#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "vedette/broker/client.h"
#include "vedette/broker/core.h"

namespace vedette::broker {

/// A camera broker's side of Register: says at every server which cameras it has, whenever that changed and well before
/// the lease ends; takes its leave at the end. One thread a server, so that a dead one holds nobody up.
class Registrar {
 public:
  /// `advertised`: HOST:PORT of this broker for them. `options.addresses` are the servers.
  Registrar(Core& core, std::string advertised, const ClientOptions& options);
  ~Registrar();
  Registrar(const Registrar&) = delete;
  Registrar& operator=(const Registrar&) = delete;

 private:
  void run(const std::stop_token& stop, const ClientOptions& options) const;

  Core& core_;
  const std::string advertised_;
  std::vector<std::jthread> threads_;
};

/// A standby's side of Replicate: follows registrations, sessions and subscriptions of the primary. When the primary is
/// lost, it fetches what their subscribers had from the camera brokers at once, before they come. Camera brokers that
/// know both register here by themselves, too.
class Standby {
 public:
  /// `options.addresses` is the primary. `lease`: registrations live so long after the primary was heard of last.
  Standby(Core& core, ClientOptions options, Duration lease);
  ~Standby();
  Standby(const Standby&) = delete;
  Standby& operator=(const Standby&) = delete;

 private:
  void run(const std::stop_token& stop) const;

  Core& core_;
  const ClientOptions options_;
  const Duration lease_;
  std::jthread thread_;
};

}  // namespace vedette::broker
