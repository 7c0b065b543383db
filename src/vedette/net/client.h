#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "vedette/net/tls.h"

namespace vedette::net {

struct ClientOptions {
  std::string url;  ///< "http://HOST:PORT" or "https://HOST:PORT"; a path is put before every path
  std::string peer = "controller";  ///< what is there, for messages
  TlsFiles tls{};  ///< of https
  std::string token{};  ///< sent as bearer; empty: none
  std::chrono::milliseconds connect_timeout{3'000};  ///< name look-up, TCP and TLS
  std::chrono::milliseconds total_timeout{10'000};  ///< of one call
  size_t max_answer_bytes = 16u << 20;
};

struct Answer {
  int status = 0;  ///< 2xx; everything else is thrown
  std::string content_type;
  std::string body;
};

/// Calls of one HTTP server, over one kept-alive connection with TCP_NODELAY. One thread at a time. It retries nothing,
/// follows no redirect and uses no proxy.
///
/// A call throws Error: the server's own ({"error":{"code","message","hint"}} becomes an Error of that code), or
/// kUnavailable "cannot reach controller at …: Connection refused", kTimeout, kPermissionDenied (TLS: a certificate was
/// refused, on either side), kExhausted (the answer is larger than max_answer_bytes), kInvalidData (no HTTP), and
/// Error(kUnavailable) "… was cancelled" when `stop` was requested, which takes effect at once.
class Client {
 public:
  /// Throws Error(kUsage) for a malformed URL, and as make_client_context.
  explicit Client(ClientOptions options);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  /// `path` begins with "/" and is encoded already (see encode_segment).
  Answer get(const std::string& path, std::stop_token stop = {});
  Answer put(const std::string& path, const std::string& body, const std::string& type = "application/json",
             std::stop_token stop = {});
  Answer post(const std::string& path, const std::string& body, const std::string& type = "application/json",
              std::stop_token stop = {});
  Answer remove(const std::string& path, std::stop_token stop = {});
  Answer call(const std::string& method, const std::string& path, const std::string& body = {},
              const std::string& type = {}, std::stop_token stop = {});

  /// A long answer: `on_data` is called with each piece as it comes, until it returns false, the server ends the answer
  /// or nothing came for `silence`, which throws Error(kTimeout). The total timeout does not hold.
  void follow(const std::string& path, const std::function<bool(std::string_view)>& on_data,
              std::chrono::seconds silence, std::stop_token stop = {});

  const std::string& url() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A name as one segment of a path: everything but letters, digits and "-._~" as %XX.
std::string encode_segment(std::string_view text);

}  // namespace vedette::net
