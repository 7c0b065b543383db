#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "vedette/fleet/store.h"
#include "vedette/net/client.h"

namespace vedette::fleet {

/// etcd's HTTP/JSON gateway (etcd 3.4, /v3), at whichever of several endpoints answers. One thread at a time.
class EtcdClient {
 public:
  /// Throws Error(kUsage) for a malformed list of URLs.
  EtcdClient(const std::string& urls, const net::TlsFiles& tls, std::chrono::milliseconds timeout);

  /// Calls below throw Error(kUnavailable) when no endpoint answers, Error(kInternal) for what etcd refuses.
  std::vector<Store::Entry> range(const std::string& prefix, std::stop_token stop = {});
  struct Held {
    bool exists = false;
    std::string value;
    uint64_t created = 0;  ///< revision
  };
  Held get(const std::string& key, std::stop_token stop = {});
  /// Puts the key when it does not exist; the answer is what it holds after that.
  Held put_if_absent(const std::string& key, const std::string& value, int64_t lease, std::stop_token stop = {});
  /// False when a comparison fails. `fence` must still be the key it was at revision `fence_created`.
  enum class Outcome { kDone, kDiffers, kFenced };
  Outcome commit(std::span<const Store::Write> writes, const std::string& prefix, const std::string& fence,
                 uint64_t fence_created);
  int64_t grant(int64_t seconds, std::stop_token stop = {});
  /// False when the lease is gone.
  bool keep_alive(int64_t lease, std::stop_token stop = {});
  void revoke(int64_t lease);

 private:
  nlohmann::json call(const std::string& path, const nlohmann::json& body, std::stop_token stop);

  std::vector<net::Client> endpoints_;
  size_t current_ = 0;
};

}  // namespace vedette::fleet
