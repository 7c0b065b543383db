#include "vedette/net/tls.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <system_error>

#include "vedette/base/error.h"
#include "vedette/base/log.h"

namespace vedette::net {
namespace {

/// The peer says who it is in a certificate; it gets no more than this many of them in a chain.
constexpr int kLongestChain = 4;

template <typename T, auto Free>
using Owned = std::unique_ptr<T, decltype([](T* p) { Free(p); })>;
using OwnedBio = Owned<BIO, BIO_free_all>;
using OwnedCertificate = Owned<X509, X509_free>;
using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;

void free_text(char* text) { OPENSSL_free(text); }

std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return reason ? reason : "unknown";
}

std::string utc(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "at an unreadable time";
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string common_name(const X509* certificate) {
  char text[128] = "";
  if (!certificate ||
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text, sizeof text) < 0) {
    return "";
  }
  std::string name = text;
  for (char& c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return name;
}

bool expired(const X509* certificate, std::time_t now) {
  std::time_t earlier = now - kClockSkew.count();
  return X509_cmp_time(X509_get0_notAfter(certificate), &earlier) <= 0;
}
bool too_early(const X509* certificate, std::time_t now) {
  std::time_t later = now + kClockSkew.count();
  return X509_cmp_time(X509_get0_notBefore(certificate), &later) > 0;
}

/// `what` is "certificate", "key" or "authority".
OwnedBio open_pem(const std::string& what, const std::string& path) {
  OwnedBio file(BIO_new_file(path.c_str(), "r"));
  if (!file) {
    const int why = errno;
    ERR_clear_error();
    throw_errno(why == 0 ? ENOENT : why, fmt::format("cannot read the TLS {} {}", what, path));
  }
  return file;
}

void check_certificate(const std::string& what, const std::string& path) {
  const OwnedBio file = open_pem(what, path);
  const OwnedCertificate certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
  if (!certificate) {
    throw Error(ErrorCode::kInvalidConfig,
                fmt::format("the TLS {} {} holds no certificate: {}", what, path, openssl_reason()),
                "it must be a PEM file that begins with -----BEGIN CERTIFICATE-----");
  }
  const std::time_t now = std::time(nullptr);
  if (expired(certificate.get(), now)) {
    throw Error(ErrorCode::kInvalidConfig,
                fmt::format("the TLS {} {} expired {}", what, path, utc(X509_get0_notAfter(certificate.get()))),
                "make a new one (docs/security.md), or check this machine's clock");
  }
  if (too_early(certificate.get(), now)) {
    throw Error(
        ErrorCode::kInvalidConfig,
        fmt::format("the TLS {} {} is not valid before {}", what, path, utc(X509_get0_notBefore(certificate.get()))),
        "check this machine's clock");
  }
}

int no_passphrase(char*, int, int, void*) { return -1; }

void load_identity(SSL_CTX* context, const TlsFiles& files) {
  check_certificate("certificate", files.certificate);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    throw Error(ErrorCode::kInvalidConfig,
                fmt::format("the TLS certificate {} cannot be used: {}", files.certificate, openssl_reason()));
  }
  const OwnedBio file = open_pem("key", files.key);
  const OwnedKey key(PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, nullptr));
  if (!key) {
    throw Error(ErrorCode::kInvalidConfig,
                fmt::format("the TLS key {} holds no private key: {}", files.key, openssl_reason()),
                "it must be a PEM file without a passphrase");
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    throw Error(ErrorCode::kInvalidConfig,
                fmt::format("the TLS key {} does not belong to the certificate {}", files.key, files.certificate));
  }
  struct stat about{};
  if (::stat(files.key.c_str(), &about) == 0 && (about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    log::warn("other users may read the TLS key {} (chmod 600 {})", files.key, files.key);
  }
}

void load_authority(SSL_CTX* context, const std::string& path) {
  check_certificate("authority", path);
  if (SSL_CTX_load_verify_file(context, path.c_str()) != 1) {
    throw Error(ErrorCode::kInvalidConfig,
                fmt::format("the TLS authority {} cannot be used: {}", path, openssl_reason()));
  }
}

void free_files(void*, void* files, CRYPTO_EX_DATA*, int, long, void*) {
  const std::unique_ptr<TlsFiles> owned(static_cast<TlsFiles*>(files));
}

/// Where a context keeps the paths that it was made of, for messages.
int files_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_files);
  return index;
}

const TlsFiles& files_of(SSL* connection) {
  static const TlsFiles none;
  const auto* files = static_cast<const TlsFiles*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), files_index()));
  return files ? *files : none;
}

void free_certificate(void*, void* certificate, CRYPTO_EX_DATA*, int, long, void*) {
  X509_free(static_cast<X509*>(certificate));
}

/// Where a connection keeps a peer's certificate that was refused; OpenSSL itself forgets it.
int refused_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_certificate);
  return index;
}

void keep_refused(X509_STORE_CTX* store) {
  auto* connection = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  X509* certificate = X509_STORE_CTX_get0_cert(store);
  if (!connection || !certificate || SSL_get_ex_data(connection, refused_index())) return;
  X509_up_ref(certificate);
  SSL_set_ex_data(connection, refused_index(), certificate);
}

/// Lets clocks differ by kClockSkew.
int verify(int fine, X509_STORE_CTX* store) {
  if (fine) return 1;
  const int error = X509_STORE_CTX_get_error(store);
  const X509* certificate = X509_STORE_CTX_get_current_cert(store);
  const std::time_t now = std::time(nullptr);
  const bool tolerable = (error == X509_V_ERR_CERT_HAS_EXPIRED && !expired(certificate, now)) ||
                         (error == X509_V_ERR_CERT_NOT_YET_VALID && !too_early(certificate, now));
  if (!tolerable) {
    keep_refused(store);
    return 0;
  }
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

std::shared_ptr<SSL_CTX> make_context(const SSL_METHOD* method, const TlsFiles& files) {
  ERR_clear_error();
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes with write(2), which has no MSG_NOSIGNAL
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) throw Error(ErrorCode::kInternal, "OpenSSL makes no context: " + openssl_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_verify_depth(context.get(), kLongestChain);
  SSL_CTX_set_ex_data(context.get(), files_index(), std::make_unique<TlsFiles>(files).release());
  return context;
}

std::string wrong_certificate(SSL* connection, long verdict) {
  const auto* shown = static_cast<const X509*>(SSL_get_ex_data(connection, refused_index()));
  const std::string who =
      shown ? fmt::format("the peer's certificate '{}'", common_name(shown)) : std::string("the peer's certificate");
  const TlsFiles& files = files_of(connection);
  const std::string authority = files.authority.empty() ? "the system's authorities" : files.authority;
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      if (shown && expired(shown, std::time(nullptr))) {
        return fmt::format("{} expired {}", who, utc(X509_get0_notAfter(shown)));
      }
      return fmt::format("the authority of {} has expired", who);
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("{} is not valid yet; the clocks of the two machines differ", who);
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: {
      X509_VERIFY_PARAM* parameters = SSL_get0_param(connection);
      const Owned<char, free_text> address(X509_VERIFY_PARAM_get1_ip_asc(parameters));
      const char* host = address ? address.get() : X509_VERIFY_PARAM_get0_host(parameters, 0);
      return fmt::format("{} is not for '{}'", who, host ? host : "");
    }
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE: return fmt::format("{} is not signed by {}", who, authority);
    default: return fmt::format("{} is refused: {}", who, X509_verify_cert_error_string(verdict));
  }
}

std::string refused_by_peer(SSL* connection, int reason) {
  const TlsFiles& files = files_of(connection);
  const std::string own = files.certificate.empty() ? "this side's certificate" : files.certificate;
  switch (reason) {
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
      return fmt::format("the peer refused {}: it is not signed by the authority that the peer trusts", own);
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED: return fmt::format("the peer refused {}: it has expired", own);
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED: return fmt::format("the peer refused {}", own);
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "the peer requires a client certificate and this side showed none";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return "the peer showed no client certificate, and one is required";
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_UNKNOWN_PROTOCOL: return "the peer does not speak TLS";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return "no TLS version in common; 1.2 or newer is needed";
    case SSL_R_UNEXPECTED_EOF_WHILE_READING: return "the peer hung up";
    default: return "";
  }
}

using OwnedConnection = std::unique_ptr<SSL, void (*)(SSL*)>;

OwnedConnection make_connection(SSL_CTX& context, int socket) {
  ERR_clear_error();
  OwnedConnection connection(SSL_new(&context), SSL_free);
  if (!connection || SSL_set_fd(connection.get(), socket) != 1) {
    throw Error(ErrorCode::kInternal, "OpenSSL makes no connection: " + openssl_reason());
  }
  return connection;
}

std::string address_text(const ASN1_OCTET_STRING& bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  const int family = ASN1_STRING_length(&bytes) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(&bytes) != 16) return "";
  return ::inet_ntop(family, ASN1_STRING_get0_data(&bytes), text, sizeof text) ? text : "";
}

}  // namespace

void TlsFiles::fields(Fields& f) {
  f.text("certificate", certificate, "PEM file of this side's certificate, with its chain");
  f.text("key", key, "PEM file of the certificate's private key");
  f.text("authority", authority, "PEM file of the authority that signs the peers' certificates");
  f.check([this]() -> std::string {
    return certificate.empty() == key.empty() ? "" : "'certificate' and 'key' go together";
  });
}

std::shared_ptr<SSL_CTX> make_server_context(const TlsFiles& files, ClientCertificates clients) {
  if (files.certificate.empty() || files.key.empty()) {
    throw Error(ErrorCode::kInvalidConfig, "a TLS server needs a certificate and its key",
                "name both PEM files (docs/security.md)");
  }
  if (clients == ClientCertificates::kRequired && files.authority.empty()) {
    throw Error(ErrorCode::kInvalidConfig, "mutual TLS needs the authority that signs the peers' certificates",
                "name its PEM file (docs/security.md)");
  }
  auto context = make_context(TLS_server_method(), files);
  load_identity(context.get(), files);
  if (!files.authority.empty()) {
    load_authority(context.get(), files.authority);
    SSL_CTX_set_client_CA_list(context.get(), SSL_load_client_CA_file(files.authority.c_str()));
    const int required = clients == ClientCertificates::kRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | required, verify);
  }
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  static constexpr unsigned char kSessionContext[] = "vedette";
  SSL_CTX_set_session_id_context(context.get(), kSessionContext, sizeof kSessionContext - 1);
  return context;
}

std::shared_ptr<SSL_CTX> make_client_context(const TlsFiles& files) {
  if (files.certificate.empty() != files.key.empty()) {
    throw Error(ErrorCode::kInvalidConfig, "a TLS certificate and its key go together", "name both, or neither");
  }
  auto context = make_context(TLS_client_method(), files);
  if (!files.certificate.empty()) load_identity(context.get(), files);
  if (files.authority.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else {
    load_authority(context.get(), files.authority);
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, verify);
  return context;
}

OwnedConnection make_server_connection(SSL_CTX& context, int socket) {
  OwnedConnection connection = make_connection(context, socket);
  SSL_set_accept_state(connection.get());
  return connection;
}

OwnedConnection make_client_connection(SSL_CTX& context, int socket, const std::string& host) {
  OwnedConnection connection = make_connection(context, socket);
  SSL_set_connect_state(connection.get());
  X509_VERIFY_PARAM* parameters = SSL_get0_param(connection.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return connection;
  ERR_clear_error();
  SSL_set_hostflags(connection.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (SSL_set1_host(connection.get(), host.c_str()) != 1 ||
      SSL_set_tlsext_host_name(connection.get(), host.c_str()) != 1) {
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is no host name", host.substr(0, 256)));
  }
  return connection;
}

std::string explain_tls_failure(SSL* connection, int result) {
  const int system_error = errno;
  const int kind = SSL_get_error(connection, result);
  const int reason = ERR_GET_REASON(ERR_peek_error());
  const long verdict = SSL_get_verify_result(connection);
  const std::string text = openssl_reason();
  if (verdict != X509_V_OK) return wrong_certificate(connection, verdict);
  if (kind == SSL_ERROR_ZERO_RETURN) return "the peer hung up";
  if (kind == SSL_ERROR_SYSCALL) {
    return system_error == 0 ? "the peer hung up" : std::generic_category().message(system_error);
  }
  const std::string known = refused_by_peer(connection, reason);
  return known.empty() ? "TLS failed: " + text : known;
}

void tolerate_clock_skew(SSL_CTX& context) { SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, verify); }

std::vector<std::string> certificate_names(const std::string& path) {
  const OwnedBio file = open_pem("certificate", path);
  const OwnedCertificate certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  std::vector<std::string> names;
  if (!certificate) return names;
  const Owned<GENERAL_NAMES, GENERAL_NAMES_free> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < (all ? sk_GENERAL_NAME_num(all.get()) : 0); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type == GEN_DNS) {
      names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                         static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      names.push_back(address_text(*name->d.iPAddress));
    }
  }
  return names;
}

std::string peer_name(SSL* connection) {
  const OwnedCertificate shown(SSL_get1_peer_certificate(connection));
  return shown && SSL_get_verify_result(connection) == X509_V_OK ? common_name(shown.get()) : "";
}

}  // namespace vedette::net
