#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vedette/base/settings.h"
#include "vedette/broker/channels.h"
#include "vedette/broker/client.h"
#include "vedette/broker/core.h"
#include "vedette/framelog/store_settings.h"
#include "vedette/net/authority.h"
#include "vedette/net/tls.h"

namespace vedette::net {
class Routes;
}

namespace vedette::broker {

/// broker.yaml.
struct BrokerOptions {
  enum class Role { kServer, kCamera } role = Role::kServer;
  std::string name = "broker";
  std::string listen = "127.0.0.1:7402";  ///< HOST:PORT of gRPC; port 0: any
  int stream_port = 0;                    ///< of the stream beside it; 0: any
  std::string socket;                     ///< path of the Unix socket for shared memory; empty: none
  std::string metrics;                    ///< HOST:PORT of HTTP's GET /metrics; empty: none; port 0: any
  std::string advertise;                  ///< HOST:PORT that other brokers reach it by; empty: `listen`
  net::TlsFiles tls;
  net::AuthorityOptions tokens;           ///< without a key everybody on loopback is admin
  std::string access;                     ///< path of access.yaml; empty: see Access
  std::string token;                      ///< path of a file with the token (role node) to show to other brokers
  std::vector<std::string> servers;       ///< HOST:PORT that a camera broker registers at
  std::vector<std::string> standbys;      ///< HOST:PORT that clients are told of
  std::string primary;                    ///< HOST:PORT that this one stands by for
  std::string channel;                    ///< that its frames go over to servers; empty: one of its own
  double lease_seconds = 6;

  double memory_mb = 1024;   ///< of a camera's log
  double segment_mb = 32;
  double feed_mb = 128;      ///< of the log of one quality
  std::string store;         ///< folder that logs are persisted in; empty: memory only
  framelog::StoreSettings stored;  ///< how long, of each camera
  std::string store_key;     ///< path of the store's key file

  std::string policy = "vedette";  ///< that keeps bounds: vedette, pi, none
  std::string table;               ///< path of the table of `vedette bounds profile`; empty: a built-in one

  void fields(Fields& f);
};

/// A broker of frames: gRPC, the stream and shared memory of our own clients; cameras that are published here, or at
/// camera brokers that registered here.
///
///   camera ──Publish──▶ camera broker ──Subscribe (one per quality)──▶ server broker ──Subscribe──▶ applications
///                            ▲   knobs, bounds            feedback │        │ Replicate
///                            └─────────────────────────────────────┘        ▼
///                                                                        standby
class Broker {
 public:
  /// Binds and starts. Throws as its parts do.
  explicit Broker(const BrokerOptions& options);
  /// Tells every subscriber, writes what is to be stored, joins.
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  int port() const;
  /// "127.0.0.1:7402".
  std::string address() const;
  /// Of GET /metrics: "http://localhost:9402"; empty: none.
  std::string metrics_url() const;
  Core& core();
  /// That cameras' frames come over.
  Channels& channels();

 private:
  net::Routes routes();
  struct Running;
  std::unique_ptr<Running> running_;
};

}  // namespace vedette::broker
