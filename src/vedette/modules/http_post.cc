#include "vedette/modules/http_post.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "vedette/base/error.h"

namespace vedette::modules {
namespace {

constexpr size_t kMostReplyBytes = 1u << 20;
constexpr Duration kLongestPoll = std::chrono::seconds(1);

void init_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

/// The answer's text is of no use; a server that sends too much of it is cut off.
size_t count_reply(char*, size_t size, size_t count, void* total) {
  auto& bytes = *static_cast<size_t*>(total);
  bytes += size * count;
  return bytes > kMostReplyBytes ? 0 : size * count;
}

class Url {
 public:
  explicit Url(const std::string& text) : url_(curl_url()), code_(curl_url_set(url_, CURLUPART_URL, text.c_str(), 0)) {}
  ~Url() { curl_url_cleanup(url_); }
  Url(const Url&) = delete;
  Url& operator=(const Url&) = delete;

  bool parsed() const { return code_ == CURLUE_OK; }
  std::string fault() const { return curl_url_strerror(code_); }
  std::string part(CURLUPart which) const {
    char* text = nullptr;
    if (curl_url_get(url_, which, &text, 0) != CURLUE_OK) return "";
    std::string result = text;
    curl_free(text);
    return result;
  }

 private:
  CURLU* url_;
  CURLUcode code_;
};

}  // namespace

bool HttpReply::worth_a_retry() const {
  return status == 0 || status == 408 || status == 425 || status == 429 || status >= 500;
}

struct HttpPoster::Handles {
  CURLM* multi = nullptr;
  CURL* easy = nullptr;
  char error[CURL_ERROR_SIZE] = {};
  size_t reply_bytes = 0;

  Handles() {
    init_curl();
    multi = curl_multi_init();
    easy = curl_easy_init();
  }
  ~Handles() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
};

HttpPoster::HttpPoster(const std::string& url, const std::string& ca_file) : handles_(std::make_unique<Handles>()) {
  CURL* easy = handles_->easy;
  if (!easy || !handles_->multi) throw Error(ErrorCode::kInternal, "libcurl does not start");
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // a host look-up that hangs must not hold up stop()
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "vedette");
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, handles_->error);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_reply);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &handles_->reply_bytes);
  if (!ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file.c_str());
}

HttpPoster::~HttpPoster() = default;

void HttpPoster::wake() { curl_multi_wakeup(handles_->multi); }

HttpReply HttpPoster::post(const std::string& body, const std::vector<std::string>& headers,
                           const std::function<MonotonicTime()>& deadline) {
  CURL* easy = handles_->easy;
  CURLM* multi = handles_->multi;
  handles_->error[0] = 0;
  handles_->reply_bytes = 0;
  curl_slist* list = nullptr;
  for (const auto& header : headers) list = curl_slist_append(list, header.c_str());
  list = curl_slist_append(list, "Expect:");  // no round trip to ask whether the body may come
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));

  HttpReply reply;
  curl_multi_add_handle(multi, easy);
  for (;;) {
    int running = 0;
    curl_multi_perform(multi, &running);
    if (running == 0) break;
    const Duration left = deadline() - Clock::system().monotonic();
    if (left <= Duration{0}) {
      reply.error = "no answer in time";
      break;
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(std::min(left, kLongestPoll));
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(wait.count()), nullptr);
  }
  int waiting = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &waiting)) {
    if (message->msg != CURLMSG_DONE) continue;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_off_t seconds = 0;
    if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0)
      reply.retry_after = std::chrono::seconds(std::min<curl_off_t>(seconds, 86400));
    // An answer that was cut off for its length is an answer.
    const bool answered =
        message->data.result == CURLE_OK || (message->data.result == CURLE_WRITE_ERROR && status != 0);
    if (answered) {
      reply.status = static_cast<int>(status);
      if (!reply.ok()) reply.error = fmt::format("the server answered {}", status);
    } else {
      reply.error = handles_->error[0] ? handles_->error : curl_easy_strerror(message->data.result);
    }
  }
  curl_multi_remove_handle(multi, easy);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, nullptr);
  curl_slist_free_all(list);
  return reply;
}

std::string post_url_fault(const std::string& url) {
  const Url parsed(url);
  if (!parsed.parsed()) return fmt::format("'{}' is no URL that can be posted to: {}", log_url(url), parsed.fault());
  const std::string scheme = parsed.part(CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return fmt::format("only http and https can be posted to, not {}", scheme);
  return "";
}

std::string log_url(const std::string& url) {
  const Url parsed(url);
  if (!parsed.parsed()) return url.substr(0, std::min(url.find_first_of("@?"), static_cast<size_t>(60)));
  const std::string port = parsed.part(CURLUPART_PORT);
  return parsed.part(CURLUPART_SCHEME) + "://" + parsed.part(CURLUPART_HOST) + (port.empty() ? "" : ":" + port);
}

}  // namespace vedette::modules
