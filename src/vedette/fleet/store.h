#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vedette/base/settings.h"
#include "vedette/base/time.h"
#include "vedette/net/tls.h"

namespace vedette::fleet {

/// Where the wanted state outlives the controller: a transactional key-value store with versions, and who may write to
/// it. Thread-safe.
class Store {
 public:
  struct Entry {
    std::string key;
    std::string value;
    uint64_t version = 0;  ///< another one after each change, never 0
  };
  struct Write {
    std::string key;
    std::optional<std::string> value;   ///< nothing: the key is removed
    std::optional<uint64_t> expected;   ///< the version it must have now, 0: it must not exist; nothing: any
  };
  /// Who leads. All but the leader stand by.
  struct Leader {
    bool self = false;
    std::string name;   ///< empty: nobody now
    std::string url;    ///< of its API; empty: not told
    uint64_t term = 0;  ///< grows with each new leader
  };

  virtual ~Store() = default;
  /// All entries whose keys begin with `prefix`, sorted by key. Throws Error(kUnavailable | kInternal | …).
  virtual std::vector<Entry> read(const std::string& prefix) = 0;
  /// All of it or nothing, on disk when it returns. False when a version is not the expected one, and nothing was
  /// written. Throws Error, and Error(kUnavailable) when this controller does not lead: a leader that was deposed and
  /// does not know it yet cannot write.
  virtual bool commit(std::span<const Write> writes) = 0;
  /// From memory; true only as long as nobody else can lead.
  virtual Leader leader() const = 0;
  virtual std::string_view kind() const = 0;
};

struct StoreOptions {
  std::string store = "vedette-controller.db";  ///< a file, or "etcd:URL[,URL…]"
  std::string etcd_prefix = "/vedette/";
  double etcd_lease_seconds = 1;  ///< a whole number for etcd; see EtcdStore
  net::TlsFiles etcd_tls;

  void fields(Fields& f);
};

/// Opens what `options.store` names. `name` and `url` are told to those who stand by.
std::unique_ptr<Store> open_store(const StoreOptions& options, const std::string& name, const std::string& url);

/// A file, held by one controller at a time: write-ahead log, synchronous=FULL. Throws Error in one line that names the
/// file and says what to do: kInvalidData when it is corrupt, no database or of a newer version, kAddressInUse when
/// another controller has it open. ":memory:" is for tests.
std::unique_ptr<Store> open_sqlite_store(const std::string& path, const std::string& name, const std::string& url);

/// etcd 3.4 by its HTTP/JSON gateway. Leads who holds the key PREFIXleader, which is bound to a lease; it is renewed
/// four times a lease, and looked at ten times a second by those who stand by, so that one of them leads soon after the
/// lease has ended (etcd looks for ended leases twice a second). etcd grants no lease shorter than 1.5 × its election
/// timeout: for 1 s start it with --heartbeat-interval 50 --election-timeout 500. Every write is bound to the leader's
/// key. A close hands leadership on at once. Does not throw when etcd does not answer: then nobody leads.
std::unique_ptr<Store> open_etcd_store(const StoreOptions& options, const std::string& name, const std::string& url);

}  // namespace vedette::fleet
