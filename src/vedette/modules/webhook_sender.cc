#include "vedette/modules/webhook_sender.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <span>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/thread.h"

namespace vedette::modules {
namespace {

constexpr Duration kLongestSleep = std::chrono::hours(1);

std::string hex(std::span<const unsigned char> bytes) {
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::array<unsigned char, 16> random_bytes() {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw Error(ErrorCode::kInternal, "no random numbers to be had");
  return bytes;
}

uint64_t random_seed() {
  uint64_t seed = 0;
  for (const unsigned char byte : random_bytes()) seed = seed * 257 + byte;
  return seed;
}

MonotonicTime monotonic_now() { return Clock::system().monotonic(); }

}  // namespace

std::string webhook_signature(std::string_view secret, std::string_view timestamp, std::string_view body) {
  const std::string text = fmt::format("{}.{}", timestamp, body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (!HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
            reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length))
    throw Error(ErrorCode::kInternal, "HMAC-SHA256 failed");
  return "sha256=" + hex(std::span(digest).first(length));
}

WebhookSender::WebhookSender(WebhookOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), poster_(options_.url, options_.ca_file) {
  thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

WebhookSender::~WebhookSender() { stop(); }

bool WebhookSender::post(std::string json) {
  const std::lock_guard lock(mutex_);
  const bool full = pending_.size() >= options_.max_pending;
  if (full) pending_.pop_front();
  pending_.push_back({std::move(json), monotonic_now()});
  changed_.notify_all();
  return !full;
}

uint64_t WebhookSender::take_undelivered() {
  const std::lock_guard lock(mutex_);
  return std::exchange(undelivered_, 0);
}

std::string WebhookSender::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

uint64_t WebhookSender::stop() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      stop_by_ = monotonic_now() + options_.stop_timeout;
    }
    thread_.request_stop();
    poster_.wake();
    thread_.join();
  }
  return take_undelivered();
}

void WebhookSender::run(std::stop_token stop) {
  name_this_thread("webhook");
  for (;;) {
    const auto batch = next_batch(stop);
    if (batch.empty()) return;
    bool delivered = false;
    try {
      delivered = deliver(batch, stop);
    } catch (const std::exception& e) {
      log::error("webhook {}: {}", log_url(options_.url), e.what());
    }
    if (delivered) continue;
    const std::lock_guard lock(mutex_);
    undelivered_ += batch.size();
    if (!stop.stop_requested()) continue;
    // Stopping: what one batch did not manage, the next would not either.
    undelivered_ += pending_.size();
    pending_.clear();
    return;
  }
}

/// Waits for events. Empty when there are none left and none will come.
std::vector<WebhookSender::Pending> WebhookSender::next_batch(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (pending_.empty()) {
    if (stop.stop_requested()) return {};
    changed_.wait_for(lock, stop, kLongestSleep, [&] { return !pending_.empty(); });
  }
  changed_.wait_until(lock, stop, pending_.front().since + options_.batch_wait,
                      [&] { return pending_.size() >= options_.batch_size; });
  const auto count = static_cast<ptrdiff_t>(std::min(pending_.size(), options_.batch_size));
  std::vector<Pending> batch(std::make_move_iterator(pending_.begin()),
                             std::make_move_iterator(pending_.begin() + count));
  pending_.erase(pending_.begin(), pending_.begin() + count);
  return batch;
}

MonotonicTime WebhookSender::last_moment(MonotonicTime normally) const {
  const std::lock_guard lock(mutex_);
  return stop_by_ ? std::min(normally, *stop_by_) : normally;
}

bool WebhookSender::deliver(const std::vector<Pending>& batch, std::stop_token stop) {
  std::string body = "[";
  for (const auto& pending : batch) body += (body.size() > 1 ? "," : "") + pending.json;
  body += ']';
  const std::string key = hex(random_bytes());
  media::Backoff backoff(options_.backoff, random_seed());

  for (int tried = 1;; ++tried) {
    const bool last_chance = stop.stop_requested();
    const MonotonicTime begun = monotonic_now();
    const HttpReply reply =
        poster_.post(body, headers(body, key), [&] { return last_moment(begun + options_.timeout); });
    if (reply.ok()) {
      const std::lock_guard lock(mutex_);
      if (!last_error_.empty()) log::info("webhook {}: delivers again", log_url(options_.url));
      last_error_.clear();
      return true;
    }
    {
      const std::lock_guard lock(mutex_);
      if (last_error_.empty()) log::warn("webhook {}: {}", log_url(options_.url), reply.error);
      last_error_ = reply.error;
    }
    Duration wait = backoff.failed(monotonic_now());
    if (reply.retry_after)
      wait = std::max(wait, std::min(*reply.retry_after, from_seconds(options_.backoff.max_seconds)));
    const MonotonicTime next = monotonic_now() + wait;
    if (last_chance || !reply.worth_a_retry() || tried >= options_.tries ||
        next > batch.front().since + options_.max_age) {
      log::warn("webhook {}: gave up {} events after {} tries: {}", log_url(options_.url), batch.size(), tried,
                reply.error);
      return false;
    }
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, stop, next, [] { return false; });
    if (stop_by_ && monotonic_now() >= *stop_by_) return false;
  }
}

std::vector<std::string> WebhookSender::headers(const std::string& body, const std::string& key) const {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
  const std::string timestamp = std::to_string(seconds);
  std::vector<std::string> lines{"Content-Type: application/json", "Idempotency-Key: " + key,
                                 "X-Vedette-Timestamp: " + timestamp};
  if (!options_.secret.empty())
    lines.push_back("X-Vedette-Signature: " + webhook_signature(options_.secret, timestamp, body));
  for (const auto& [name, value] : options_.headers) lines.push_back(name + ": " + value);
  return lines;
}

}  // namespace vedette::modules
