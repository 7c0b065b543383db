#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vedette/net/authority.h"
#include "vedette/net/message.h"

namespace vedette::net {

/// Whether an address to listen on is this machine's loopback: "localhost", "::1", "127.…".
bool is_loopback(const std::string& address);

/// Decides who may come in, before the body of a request is read.
class Gate {
 public:
  struct Options {
    bool loopback = true;            ///< listens on a loopback address
    bool tls = false;
    std::vector<std::string> names;  ///< that Host may hold, besides loopback names; "*.example.org" for one label
    std::shared_ptr<const Authority> authority;  ///< null: everybody is admin (loopback only)
  };
  explicit Gate(Options options) : options_(std::move(options)) {}

  /// Who sends the request; with Role::kNone when the route is public and no token, or no good one, came.
  ///
  /// Throws Error(kPermissionDenied), answered 403, unless Host is one of the server's names and neither Origin nor
  /// Sec-Fetch-Site say that a page of another site sent it (a site that points its own name at this machine, DNS
  /// rebinding, fails the Host check); unless a state change that comes from a browser without a bearer token has the
  /// header "X-Vedette: 1", which no form of another site can send; and when the role is too small. Throws
  /// HttpError(401) when a token is missing or refused.
  Principal admit(const Request& request, Role needed) const;

  /// Set-Cookie that keeps `token` in a browser, out of reach of scripts and other sites; "" takes it away.
  std::string cookie(const std::string& token, Timestamp expires, Timestamp now) const;

  const std::shared_ptr<const Authority>& authority() const { return options_.authority; }

 private:
  void check_host(const Request& request) const;
  void check_state_change(const Request& request, bool bearer) const;
  Options options_;
};

}  // namespace vedette::net
