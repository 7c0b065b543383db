#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vedette/base/time.h"

namespace vedette::modules {

/// What came of a request.
struct HttpReply {
  int status = 0;                       ///< 0: there was no answer
  std::string error;                    ///< one line; empty when the status is 2xx
  std::optional<Duration> retry_after;  ///< as the server asks

  bool ok() const { return status >= 200 && status < 300; }
  /// Whether the same request may succeed later: no answer, 408, 425, 429 and 5xx (RFC 9110 §15).
  bool worth_a_retry() const;
};

/// Posts to one http(s) URL over a connection that is kept open, by libcurl. Follows no redirect. One thread at a time,
/// but wake().
class HttpPoster {
 public:
  /// `ca_file`: PEM file of the authorities to trust; empty: the system's. Throws Error(kInternal).
  HttpPoster(const std::string& url, const std::string& ca_file);
  ~HttpPoster();

  /// `deadline` is asked again whenever wake() was called. Headers are "Name: value".
  HttpReply post(const std::string& body, const std::vector<std::string>& headers,
                 const std::function<MonotonicTime()>& deadline);

  /// Makes a post() that is under way ask for its deadline anew. From any thread.
  void wake();

 private:
  struct Handles;
  std::unique_ptr<Handles> handles_;
};

/// Why a URL cannot be posted to ("only http and https"), or "".
std::string post_url_fault(const std::string& url);

/// Scheme, host and port of a URL: what may be written into a log. Paths and queries hold tokens.
std::string log_url(const std::string& url);

}  // namespace vedette::modules
