#include "vedette/media/host_lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <resolv.h>

#include <condition_variable>
#include <mutex>
#include <optional>

#include "vedette/base/error.h"
#include "vedette/base/thread.h"

namespace vedette::media {

struct HostLookup::Answer {
  std::mutex mutex;
  std::condition_variable_any known;
  std::optional<int> result;
};

HostLookup::~HostLookup() = default;

bool HostLookup::resolve(const std::string& host, Duration timeout, const std::stop_token& stop) {
  in6_addr address;
  if (host.empty() || inet_pton(AF_INET, host.c_str(), &address) == 1 ||
      inet_pton(AF_INET6, host.c_str(), &address) == 1)
    return !stop.stop_requested();
  auto answer = answer_;
  if (!answer) {  // else the last look-up is still under way: wait for that one
    answer = answer_ = std::make_shared<Answer>();
    thread_ = std::jthread([answer, host] {
      name_this_thread("lookup");
      res_init();
      _res.retrans = 2;
      _res.retry = 1;
      addrinfo hints{};
      hints.ai_socktype = SOCK_STREAM;
      addrinfo* found = nullptr;
      const int result = getaddrinfo(host.c_str(), nullptr, &hints, &found);
      if (found) freeaddrinfo(found);
      res_nclose(&_res);
      const std::lock_guard lock(answer->mutex);
      answer->result = result;
      answer->known.notify_all();
    });
  }
  std::unique_lock lock(answer->mutex);
  const bool done = answer->known.wait_for(lock, stop, timeout, [&] { return answer->result.has_value(); });
  if (stop.stop_requested()) return false;
  if (!done)
    throw Error(ErrorCode::kTimeout, "the name '" + host + "' was not resolved in time", "check the name server");
  const int result = *answer->result;
  lock.unlock();
  answer_.reset();
  if (result == 0) return true;
  const bool unknown = result == EAI_NONAME;
  throw Error(unknown ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
              "the name '" + host + "' does not resolve: " + gai_strerror(result),
              "check the name and the name server");
}

}  // namespace vedette::media
