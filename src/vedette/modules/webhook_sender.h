#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "vedette/base/time.h"
#include "vedette/media/backoff.h"
#include "vedette/modules/http_post.h"

namespace vedette::modules {

struct WebhookOptions {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  ///< sent besides our own
  std::string secret;                        ///< empty: not signed
  std::string ca_file;
  size_t batch_size = 50;                    ///< events a request
  Duration batch_wait{std::chrono::milliseconds(200)};  ///< after the first event, for more to come
  Duration timeout{std::chrono::seconds(5)}; ///< of one request
  int tries = 5;
  Duration max_age{std::chrono::minutes(5)}; ///< no further try for a batch whose oldest event is older
  media::BackoffOptions backoff;             ///< between tries
  size_t max_pending = 1000;                 ///< events; one more and the oldest is lost
  Duration stop_timeout{std::chrono::seconds(5)};  ///< for what is left when the application stops
};

/// Posts JSON texts to a URL from a thread of its own, a few at a time:
///
///   POST url                                  body: [text, text, …]
///   Content-Type: application/json
///   Idempotency-Key: 32 hex digits            the same at each try of a batch
///   X-Vedette-Timestamp: 1767225600           seconds since the epoch, of this try
///   X-Vedette-Signature: sha256=…             see webhook_signature()
///
/// A batch is tried again, with growing waits, after no answer, 408, 425, 429 and 5xx (a Retry-After is heeded up to
/// the longest wait); any other answer but 2xx is final. Events are delivered in order and at least once: a receiver
/// knows a repeated batch by its key.
class WebhookSender {
 public:
  explicit WebhookSender(WebhookOptions options, const Clock& clock = Clock::system());
  ~WebhookSender();

  /// Takes a JSON text. Never waits. False when the oldest pending one had to go for it.
  bool post(std::string json);

  /// Events given up since the last call.
  uint64_t take_undelivered();

  /// Tries once more to deliver what is left, for `stop_timeout` at most, and joins the thread. Returns how many events
  /// were given up and not yet taken.
  uint64_t stop();

  std::string last_error() const;

 private:
  struct Pending {
    std::string json;
    MonotonicTime since;
  };

  void run(std::stop_token stop);
  std::vector<Pending> next_batch(std::stop_token stop);
  bool deliver(const std::vector<Pending>& batch, std::stop_token stop);
  MonotonicTime last_moment(MonotonicTime normally) const;
  std::vector<std::string> headers(const std::string& body, const std::string& key) const;

  const WebhookOptions options_;
  const Clock& clock_;
  HttpPoster poster_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Pending> pending_;
  std::optional<MonotonicTime> stop_by_;  ///< set once stop() was called
  uint64_t undelivered_ = 0;
  std::string last_error_;
  std::jthread thread_;
};

/// "sha256=" and the hex HMAC-SHA256 (RFC 2104) of "timestamp.body" under `secret`.
std::string webhook_signature(std::string_view secret, std::string_view timestamp, std::string_view body);

}  // namespace vedette::modules
