#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/thread.h"
#include "vedette/fleet/etcd_client.h"

namespace vedette::fleet {
namespace {

using std::chrono::milliseconds;

constexpr size_t kWritesPerTransaction = 100;  // etcd's --max-txn-ops is 128
constexpr size_t kBytesPerTransaction = 1u << 20;  // … --max-request-bytes 1.5 MiB, base64 not counted
constexpr milliseconds kLook{100};

class EtcdStore final : public Store {
 public:
  EtcdStore(const StoreOptions& options, std::string name, std::string url)
      : prefix_(options.etcd_prefix),
        lease_seconds_(static_cast<int64_t>(options.etcd_lease_seconds)),
        name_(std::move(name)),
        url_(std::move(url)),
        data_(options.store.substr(5), options.etcd_tls, std::chrono::seconds(5)),
        election_(options.store.substr(5), options.etcd_tls, std::chrono::seconds(lease_seconds_)),
        thread_([this](std::stop_token stop) { run(stop); }) {}

  ~EtcdStore() override {
    thread_.request_stop();
    thread_.join();
  }

  std::vector<Entry> read(const std::string& prefix) override {
    const std::lock_guard lock(data_mutex_);
    std::vector<Entry> entries = data_.range(prefix_ + prefix);
    for (Entry& entry : entries) entry.key.erase(0, prefix_.size());
    return entries;
  }

  bool commit(std::span<const Write> writes) override {
    const Leader now = leader();
    if (!now.self) throw Error(ErrorCode::kUnavailable, "this controller does not lead", "ask the one that does");
    const std::lock_guard lock(data_mutex_);
    // More than one transaction holds is cut at its limits. Only placements grow so large: they are written before the
    // number of the plan they belong to, and a half of them is found out by its digests (controller_core.h).
    for (size_t begin = 0; begin < writes.size();) {
      size_t end = begin, bytes = 0;
      while (end < writes.size() && end - begin < kWritesPerTransaction) {
        bytes += writes[end].key.size() + (writes[end].value ? writes[end].value->size() : 0);
        if (bytes > kBytesPerTransaction && end > begin) break;
        ++end;
      }
      switch (data_.commit(writes.subspan(begin, end - begin), prefix_, leader_key(), now.term)) {
        case EtcdClient::Outcome::kDone: break;
        case EtcdClient::Outcome::kDiffers: return false;
        case EtcdClient::Outcome::kFenced:
          throw Error(ErrorCode::kUnavailable, "this controller does not lead any more", "ask the one that does");
      }
      begin = end;
    }
    return true;
  }

  Leader leader() const override {
    const std::lock_guard lock(mutex_);
    Leader now = leader_;
    now.self = leader_.self && Clock::system().monotonic() < valid_until_;
    if (leader_.self && !now.self) now.name = now.url = "";
    return now;
  }

  std::string_view kind() const override { return "etcd"; }

 private:
  std::string leader_key() const { return prefix_ + "leader"; }

  void run(std::stop_token stop) {
    name_this_thread("etcd election");
    bool reachable = true;
    while (!stop.stop_requested()) {
      try {
        lease_ == 0 ? campaign(stop) : renew(stop);
        if (!reachable) log::info("etcd answers again");
        reachable = true;
      } catch (const Error& e) {
        if (!stop.stop_requested() && reachable) log::warn("{}", e.line());
        reachable = reachable && stop.stop_requested();
      }
      std::unique_lock lock(mutex_);
      const auto pause = lease_ == 0 ? kLook : milliseconds(250 * lease_seconds_);
      wake_.wait_for(lock, stop, pause, [] { return false; });
    }
    if (lease_ == 0) return;
    try {
      set_leader({});
      election_.revoke(lease_);
    } catch (const Error&) {  // it ends by itself
    }
  }

  void campaign(std::stop_token stop) {
    EtcdClient::Held held = election_.get(leader_key(), stop);
    if (!held.exists) {
      const MonotonicTime asked = Clock::system().monotonic();
      const int64_t lease = election_.grant(lease_seconds_, stop);
      const std::string mine = nlohmann::json({{"name", name_}, {"url", url_}, {"lease", lease}})
                                   .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
      held = election_.put_if_absent(leader_key(), mine, lease, stop);
      if (held.value == mine) {
        lease_ = lease;
        const std::lock_guard lock(mutex_);
        valid_until_ = asked + std::chrono::seconds(lease_seconds_);
        leader_ = {.self = true, .name = name_, .url = url_, .term = held.created};
        return;
      }
      election_.revoke(lease);
    }
    Leader other;
    other.term = held.created;
    const auto value = nlohmann::json::parse(held.value, nullptr, false);
    if (value.is_object()) {
      other.name = value.value("name", "");
      other.url = value.value("url", "");
    }
    set_leader(std::move(other));
  }

  void renew(std::stop_token stop) {
    const MonotonicTime asked = Clock::system().monotonic();
    const bool kept = election_.keep_alive(lease_, stop);
    const std::lock_guard lock(mutex_);
    if (kept) {
      valid_until_ = asked + std::chrono::seconds(lease_seconds_);
    } else {
      lease_ = 0;
      leader_ = {};
    }
  }

  void set_leader(Leader leader) {
    const std::lock_guard lock(mutex_);
    leader_ = std::move(leader);
  }

  const std::string prefix_;
  const int64_t lease_seconds_;
  const std::string name_, url_;
  std::mutex data_mutex_;
  EtcdClient data_;
  EtcdClient election_;  // the election thread's own
  int64_t lease_ = 0;    // … and this
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  Leader leader_;
  MonotonicTime valid_until_{};
  std::jthread thread_;
};

}  // namespace

std::unique_ptr<Store> open_etcd_store(const StoreOptions& options, const std::string& name, const std::string& url) {
  return std::make_unique<EtcdStore>(options, name, url);
}

}  // namespace vedette::fleet
