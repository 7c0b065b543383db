#include "vedette/link/resolver.h"

#include <netdb.h>
#include <resolv.h>

#include <array>
#include <utility>

#include "vedette/base/thread.h"

namespace vedette::link {

Resolver::~Resolver() = default;

void Resolver::look_up(const std::string& host, std::function<void(std::string, std::string)> done) {
  if (thread_.joinable()) thread_.join();
  thread_ = std::jthread([host, done = std::move(done)] {
    name_this_thread("link-lookup");
    res_init();
    _res.retrans = 2;
    _res.retry = 1;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    std::array<char, NI_MAXHOST> ip{};
    const int fault = getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (fault == 0) getnameinfo(found->ai_addr, found->ai_addrlen, ip.data(), ip.size(), nullptr, 0, NI_NUMERICHOST);
    if (found) freeaddrinfo(found);
    res_nclose(&_res);
    done(ip.data(), fault == 0 ? "" : "the name '" + host + "' does not resolve: " + gai_strerror(fault));
  });
}

}  // namespace vedette::link
