#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vedette::link {

/// "tcp://HOST:PORT" or "unix:/path".
struct Address {
  enum class Kind { kTcp, kUnix } kind = Kind::kTcp;
  std::string host;  ///< name or IP address, without brackets
  int port = 0;
  std::string path;

  bool is_unix() const { return kind == Kind::kUnix; }
  /// 127.0.0.0/8, ::1, "localhost", or a Unix socket.
  bool is_loopback() const;
  /// Whether `host` is an IP address, so that it needs no look-up.
  bool is_numeric() const;
  std::string text() const;
};

/// Throws Error(kInvalidConfig).
Address parse_address(std::string_view text);

/// An address off this machine needs mutual TLS and a token. Empty when `address` may be used with what there is, else
/// the line that says what is missing.
std::string why_not_allowed(const Address& address, bool has_tls, bool has_token);

/// IP addresses of this machine that others can reach; those of loopback when there are no others.
std::vector<std::string> own_addresses(bool ipv6);

}  // namespace vedette::link
