#include "vedette/fleet/store.h"

namespace vedette::fleet {

void StoreOptions::fields(Fields& f) {
  f.text("store", store,
         "where the wanted state is kept: a file (SQLite), or etcd:URL[,URL…], with which several "
         "controllers can stand by");
  f.text("etcd_prefix", etcd_prefix, "of every key in etcd");
  f.number("etcd_lease_seconds", etcd_lease_seconds, "after which a leader that is gone is replaced; whole seconds",
           {1, 60});
  f.group("etcd_tls", etcd_tls, "of https to etcd");
}

std::unique_ptr<Store> open_store(const StoreOptions& options, const std::string& name, const std::string& url) {
  if (options.store.starts_with("etcd:")) return open_etcd_store(options, name, url);
  return open_sqlite_store(options.store, name, url);
}

}  // namespace vedette::fleet
