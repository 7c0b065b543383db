#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vedette/base/config.h"
#include "vedette/base/settings.h"
#include "vedette/console/server.h"
#include "vedette/fleet/grpc_server.h"
#include "vedette/net/authority.h"
#include "vedette/net/tls.h"

namespace vedette::cli {

struct ListenAddress {
  std::string host;
  int port = 0;
};

/// "127.0.0.1:8080", "[::1]:8080", ":8080" (loopback). Throws Error(kInvalidConfig) that begins with `what`.
ListenAddress parse_listen(const std::string& text, const std::string& what);

/// What a node and a controller have in common: where they listen, and whom they let in.
struct Serving {
  std::string listen = "127.0.0.1:8080";
  std::string grpc;                ///< empty: off
  std::vector<std::string> names;  ///< that the console may be called by; empty: those of the certificate
  net::AuthorityOptions tokens;    ///< without a key everybody on loopback is admin

  void fields(Fields& f);

  /// Null without a key. Throws as net::Authority.
  std::shared_ptr<const net::Authority> authority() const;
  /// `file` names the settings' file, for messages.
  console::ServerOptions console(const net::TlsFiles& tls, std::shared_ptr<const net::Authority> authority,
                                 const std::string& version, const std::string& file) const;
  fleet::GrpcOptions grpc_options(const net::TlsFiles& tls, std::shared_ptr<const net::Authority> authority) const;
  /// Of the console, as others will call it: the first of the names, of the certificate's names, or the address; ""
  /// when the port is any.
  std::string url(const net::TlsFiles& tls) const;
};

/// A settings file with `--set key=value` and `--set group.key=value` put in; "" as path is an empty one. The value is
/// YAML. Throws Error(kNotFound | kInvalidConfig | kUsage).
ConfigNode load_settings(const std::string& path, const std::vector<std::string>& overrides);

}  // namespace vedette::cli
