#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "vedette/broker/client.h"
#include "vedette/broker/client_channel.h"
#include "vedette/broker/client_stream.h"

namespace vedette::broker {

/// What a client is connected by at present; replaced as a whole when a broker was lost.
struct Connected {
  std::unique_ptr<ClientChannel> channel;
  std::shared_ptr<ClientStream> stream;  // null: by gRPC
  v1::Transport transport = v1::GRPC;
  std::string session;
  std::atomic<bool> lost{false};

  bool good() const { return !lost && (!stream || stream->alive()); }
};

/// Keeps a client connected to whichever of its brokers answers. Thread-safe.
class Connector {
 public:
  /// Throws Error(kUsage) without an address, and what the TLS files are wrong with.
  explicit Connector(ClientOptions options);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  const ClientOptions& options() const { return options_; }
  /// The connection there is, or a new one if that one is lost. Tries every address again and again until `deadline`,
  /// one thread for all. Throws Error(kUnavailable | kPermissionDenied | kUsage).
  std::shared_ptr<Connected> connection(MonotonicTime deadline);
  /// Within a call's time-out.
  std::shared_ptr<Connected> connection();
  /// How many are known: a broker names its standbys.
  size_t brokers() const;
  uint64_t next_id() { return ++last_id_; }

 private:
  std::shared_ptr<Connected> present() const;
  std::shared_ptr<Connected> connect(const std::string& address);

  const ClientOptions options_;
  std::shared_ptr<SSL_CTX> tls_;
  std::timed_mutex connecting_;  // held while somebody tries
  std::string session_;          // of who holds it

  mutable std::mutex mutex_;
  std::vector<std::string> addresses_;
  std::shared_ptr<Connected> connected_;
  std::atomic<uint64_t> last_id_{0};
};

}  // namespace vedette::broker
