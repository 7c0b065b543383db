#include "vedette/link/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <charconv>
#include <memory>

#include "vedette/base/error.h"

namespace vedette::link {
namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw Error(ErrorCode::kInvalidConfig, "the link address '" + std::string(text) + "' " + why,
              "write tcp://HOST:PORT or unix:/path");
}

}  // namespace

bool Address::is_loopback() const {
  if (is_unix() || host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool Address::is_numeric() const {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

std::string Address::text() const {
  if (is_unix()) return "unix:" + path;
  const bool bare_v6 = host.find(':') != std::string::npos;
  return "tcp://" + (bare_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Address parse_address(std::string_view text) {
  Address address;
  if (text.starts_with("unix:")) {
    address.kind = Address::Kind::kUnix;
    address.path = text.substr(5);
    if (address.path.empty() || address.path[0] != '/') refuse(text, "needs an absolute path");
    if (address.path.size() >= sizeof(sockaddr_un{}.sun_path)) refuse(text, "has a path that is too long for a socket");
    return address;
  }
  if (!text.starts_with("tcp://")) refuse(text, "has no known scheme");
  std::string_view rest = text.substr(6);
  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) refuse(text, "has no port");
  std::string_view host = rest.substr(0, colon), port = rest.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    refuse(text, "has an IPv6 address without brackets");
  }
  if (host.empty() || host.size() > 253) refuse(text, "has no host");
  const auto [end, fault] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (fault != std::errc{} || end != port.data() + port.size() || address.port < 0 || address.port > 65535)
    refuse(text, "has a port that is none");
  address.host = host;
  return address;
}

std::string why_not_allowed(const Address& address, bool has_tls, bool has_token) {
  if (address.is_loopback() || (has_tls && has_token)) return {};
  const std::string missing = !has_tls && !has_token ? "mutual TLS and a token" : has_tls ? "a token" : "mutual TLS";
  return "the link address '" + address.text() + "' is not on loopback and needs " + missing;
}

std::vector<std::string> own_addresses(bool ipv6) {
  ifaddrs* list = nullptr;
  std::vector<std::string> found;
  if (getifaddrs(&list) == 0) {
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, freeifaddrs);
    for (const ifaddrs* at = list; at; at = at->ifa_next) {
      if (!at->ifa_addr || !(at->ifa_flags & IFF_UP) || (at->ifa_flags & IFF_LOOPBACK)) continue;
      std::array<char, INET6_ADDRSTRLEN> text{};
      if (!ipv6 && at->ifa_addr->sa_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
        inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
      } else if (ipv6 && at->ifa_addr->sa_family == AF_INET6) {
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(at->ifa_addr);
        if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) continue;
        inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
      }
      if (text[0]) found.emplace_back(text.data());
    }
  }
  if (found.empty()) found.emplace_back(ipv6 ? "::1" : "127.0.0.1");
  return found;
}

}  // namespace vedette::link
