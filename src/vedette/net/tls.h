#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "vedette/base/settings.h"

// OpenSSL's types by name alone; <openssl/ssl.h> stays in .cc files.
using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;

namespace vedette::net {

/// Paths of PEM files. `certificate` may hold the chain after it.
struct TlsFiles {
  std::string certificate;
  std::string key;
  std::string authority;

  /// "certificate", "key", "authority": for the settings of whatever speaks TLS.
  void fields(Fields& f);
  bool empty() const { return certificate.empty() && key.empty() && authority.empty(); }
  /// Whether all three are named, as mutual TLS needs.
  bool complete() const { return !certificate.empty() && !key.empty() && !authority.empty(); }
};

enum class ClientCertificates {
  kRequired,  ///< who shows none, or one of another authority, is turned away
  kOptional,  ///< browsers: none is fine; one that is shown must be right
};

/// Certificates are taken to be valid so much before and after what they say, for clocks that differ.
constexpr std::chrono::seconds kClockSkew{60};

/// TLS 1.2 or newer, forward secrecy only, no renegotiation, no compression. Every fault of the files (missing, not
/// PEM, expired, not yet valid, a key of another certificate) throws Error(kNotFound | kPermissionDenied |
/// kInvalidConfig) in one line that names the file.
///
/// Making a context sets SIGPIPE to be ignored, for OpenSSL writes with write(2).
///
/// The server needs certificate and key, and the authority when client certificates are required.
std::shared_ptr<SSL_CTX> make_server_context(const TlsFiles& files,
                                             ClientCertificates clients = ClientCertificates::kRequired);
/// The client always verifies the server. Certificate and key are both given or both empty (then a server that requires
/// one turns it away); without an authority the system's are trusted.
std::shared_ptr<SSL_CTX> make_client_context(const TlsFiles& files);

/// A connection of the context; the descriptor stays the caller's. For a client: `host` is the name or IP that was
/// dialled, which the server's certificate must be for; it is sent as SNI when it is a name. Throws Error(kInternal).
std::unique_ptr<SSL, void (*)(SSL*)> make_server_connection(SSL_CTX& context, int socket);
std::unique_ptr<SSL, void (*)(SSL*)> make_client_connection(SSL_CTX& context, int socket, const std::string& host);

/// Why SSL_connect, SSL_accept, SSL_read or SSL_write, which returned `result`, failed: one line without a code ("the
/// peer's certificate 'node-2' expired 2026-01-31T12:00:00Z"). Call it at once, on the same thread; empties OpenSSL's
/// error queue. In TLS 1.3 a client learns only at its first read that its own certificate was refused.
std::string explain_tls_failure(SSL* connection, int result);

/// The DNS names and IP addresses that the first certificate of a PEM file is for. Throws Error when it cannot be read.
std::vector<std::string> certificate_names(const std::string& path);

/// Lets a context that another library made (libcurl) treat clocks as this one does. Sets it to verify the peer.
void tolerate_clock_skew(SSL_CTX& context);

/// The common name of the peer's verified certificate; "" when it showed none.
std::string peer_name(SSL* connection);

}  // namespace vedette::net
