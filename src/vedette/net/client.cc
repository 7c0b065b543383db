#include "vedette/net/client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "vedette/base/error.h"
#include "vedette/base/time.h"

namespace vedette::net {
namespace {

constexpr size_t kLongestErrorBody = 64u << 10;
/// A cancel request wakes the wait; this is only how long one wait may be.
constexpr int kWaitMs = 1000;

ErrorCode code_named(const std::string& word, long status) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i)
    if (to_string(static_cast<ErrorCode>(i)) == word) return static_cast<ErrorCode>(i);
  if (status == 401 || status == 403) return ErrorCode::kPermissionDenied;
  if (status == 404) return ErrorCode::kNotFound;
  if (status == 502 || status == 503) return ErrorCode::kUnavailable;
  if (status == 408 || status == 504) return ErrorCode::kTimeout;
  return status < 500 ? ErrorCode::kUsage : ErrorCode::kInternal;
}

std::string text_at(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// The server's own error.
Error error_of(const ClientOptions& options, long status, const std::string& body) {
  const auto json = nlohmann::json::parse(body.substr(0, kLongestErrorBody), nullptr, false);
  if (json.is_object() && json.contains("error") && json["error"].is_object()) {
    const auto& error = json["error"];
    const std::string message = text_at(error, "message");
    if (!message.empty()) return {code_named(text_at(error, "code"), status), message, text_at(error, "hint")};
  }
  return {code_named("", status), fmt::format("{} at {} answered with status {}", options.peer, options.url, status),
          fmt::format("is it a {} of Vedette?", options.peer)};
}

void check_url(const ClientOptions& options) {
  const bool plain = options.url.starts_with("http://"), secure = options.url.starts_with("https://");
  const std::string rest = options.url.substr(std::min<size_t>(options.url.size(), secure ? 8 : 7));
  if ((!plain && !secure) || rest.empty() || rest.find_first_of("/?# \t@\r\n") == 0 ||
      rest.find_first_of("?# \t@\r\n") != std::string::npos) {
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is no address of a {}", options.url, options.peer),
                "write it as http://HOST:PORT or https://HOST:PORT");
  }
}

struct Exchange {
  explicit Exchange(const ClientOptions& of, const std::function<bool(std::string_view)>* to = nullptr)
      : options(of), on_data(to) {}
  const ClientOptions& options;
  const std::function<bool(std::string_view)>* on_data;
  CURL* handle = nullptr;
  std::string body;
  bool too_large = false;
  bool enough = false;
  MonotonicTime last_data{};
};

size_t take(char* data, size_t, size_t size, void* to) {
  auto& exchange = *static_cast<Exchange*>(to);
  exchange.last_data = Clock::system().monotonic();
  long status = 0;
  curl_easy_getinfo(exchange.handle, CURLINFO_RESPONSE_CODE, &status);
  if (exchange.on_data && status / 100 == 2) {
    exchange.enough = !(*exchange.on_data)({data, size});
    return exchange.enough ? 0 : size;
  }
  if (exchange.body.size() + size > exchange.options.max_answer_bytes) {
    exchange.too_large = true;
    return 0;
  }
  exchange.body.append(data, size);
  return size;
}

int no_seek(void*, curl_off_t, int) { return CURL_SEEKFUNC_CANTSEEK; }

CURLcode prepare_tls(CURL*, void* context, void*) {
  tolerate_clock_skew(*static_cast<SSL_CTX*>(context));
  return CURLE_OK;
}

struct CurlLibrary {
  CurlLibrary() { curl_global_init(CURL_GLOBAL_DEFAULT); }
};

using OwnedHeaders = std::unique_ptr<curl_slist, decltype([](curl_slist* list) { curl_slist_free_all(list); })>;

void append_header(OwnedHeaders& headers, const std::string& line) {
  curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
  if (!longer) throw std::bad_alloc();
  static_cast<void>(headers.release());
  headers.reset(longer);
}

}  // namespace

struct Client::State {
  explicit State(ClientOptions given) : options(std::move(given)) {
    static const CurlLibrary library;
    check_url(options);
    while (options.url.ends_with('/')) options.url.pop_back();
    secure = options.url.starts_with("https://");
    if (secure) make_client_context(options.tls);  // its faults are told more clearly than libcurl tells them
    if (options.token.find_first_of("\r\n") != std::string::npos) {
      throw Error(ErrorCode::kUsage, "the token holds a line break", "copy it again as a whole");
    }
    multi.reset(curl_multi_init());
    easy.reset(curl_easy_init());
    if (!multi || !easy) throw Error(ErrorCode::kInternal, "libcurl does not start");
  }

  void set_common(const std::string& path) {
    CURL* h = easy.get();
    curl_easy_reset(h);  // keeps the connection
    error_text[0] = '\0';
    curl_easy_setopt(h, CURLOPT_URL, (options.url + path).c_str());
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(h, CURLOPT_PROXY, "");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, error_text.data());
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    curl_easy_setopt(h, CURLOPT_USERAGENT, "vedette");
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
    if (!secure) return;
    curl_easy_setopt(h, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(h, CURLOPT_SSL_CTX_FUNCTION, prepare_tls);
    if (!options.tls.authority.empty()) {
      curl_easy_setopt(h, CURLOPT_CAINFO, options.tls.authority.c_str());
      curl_easy_setopt(h, CURLOPT_CAPATH, nullptr);
    }
    if (!options.tls.certificate.empty()) {
      curl_easy_setopt(h, CURLOPT_SSLCERT, options.tls.certificate.c_str());
      curl_easy_setopt(h, CURLOPT_SSLKEY, options.tls.key.c_str());
    }
  }

  /// Runs what the handle is set to. `silence` 0: none watched.
  void perform(Exchange& exchange, const std::string& what, std::chrono::milliseconds silence, std::stop_token stop) {
    const std::stop_callback wake(stop, [this] { curl_multi_wakeup(multi.get()); });
    exchange.handle = easy.get();
    exchange.last_data = Clock::system().monotonic();
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &exchange);
    curl_multi_add_handle(multi.get(), easy.get());
    const std::unique_ptr<State, void (*)(State*)> removing(
        this, [](State* self) { curl_multi_remove_handle(self->multi.get(), self->easy.get()); });
    while (true) {
      if (stop.stop_requested()) throw Error(ErrorCode::kUnavailable, what + " was cancelled");
      int running = 0, left = 0;
      if (const CURLMcode result = curl_multi_perform(multi.get(), &running); result != CURLM_OK) {
        throw Error(ErrorCode::kInternal, fmt::format("{}: {}", what, curl_multi_strerror(result)));
      }
      if (const CURLMsg* message = curl_multi_info_read(multi.get(), &left); message && message->msg == CURLMSG_DONE) {
        if (message->data.result != CURLE_OK && !exchange.enough) fail(message->data.result, exchange);
        return;
      }
      if (silence.count() > 0 && Clock::system().monotonic() - exchange.last_data > silence) {
        throw Error(ErrorCode::kTimeout, fmt::format("{} at {} has been silent for {} s", options.peer, options.url,
                                                     std::chrono::duration<double>(silence).count()));
      }
      curl_multi_poll(multi.get(), nullptr, 0, kWaitMs, nullptr);
    }
  }

  [[noreturn]] void fail(CURLcode code, const Exchange& exchange) {
    const std::string where = fmt::format("cannot reach {} at {}", options.peer, options.url);
    const std::string detail = error_text[0] ? error_text.data() : curl_easy_strerror(code);
    if (exchange.too_large) {
      throw Error(ErrorCode::kExhausted, fmt::format("the answer of {} at {} is larger than {} bytes", options.peer,
                                                     options.url, options.max_answer_bytes));
    }
    switch (code) {
      case CURLE_COULDNT_RESOLVE_HOST:
        throw Error(ErrorCode::kUnavailable, where + ": its name is not known",
                    "check the name, or use its IP address");
      case CURLE_COULDNT_CONNECT: {
        long why = 0;
        curl_easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &why);
        throw Error(ErrorCode::kUnavailable,
                    fmt::format("{}: {}", where, why ? std::generic_category().message(static_cast<int>(why)) : detail),
                    why == ECONNREFUSED ? fmt::format("does the {} run there?", options.peer) : "");
      }
      case CURLE_OPERATION_TIMEDOUT: {
        double connected = 0;
        curl_easy_getinfo(easy.get(), CURLINFO_PRETRANSFER_TIME, &connected);
        if (connected <= 0) {
          throw Error(ErrorCode::kTimeout,
                      fmt::format("{}: no connection within {} ms", where, options.connect_timeout.count()));
        }
        throw Error(ErrorCode::kTimeout, fmt::format("{} at {} did not answer within {} ms", options.peer, options.url,
                                                     options.total_timeout.count()));
      }
      case CURLE_PEER_FAILED_VERIFICATION:
        throw Error(ErrorCode::kPermissionDenied, fmt::format("{}: its certificate is refused: {}", where, detail),
                    "see docs/security.md");
      case CURLE_SSL_CONNECT_ERROR: throw Error(ErrorCode::kPermissionDenied, where + ": " + tls_failure(detail));
      case CURLE_UNSUPPORTED_PROTOCOL:
      case CURLE_WEIRD_SERVER_REPLY:
      case CURLE_HTTP2:
        throw Error(ErrorCode::kInvalidData, fmt::format("{}: what answers there does not speak HTTP", where));
      case CURLE_GOT_NOTHING:
      case CURLE_SEND_ERROR:
      case CURLE_RECV_ERROR:
      case CURLE_PARTIAL_FILE:
        if (detail.find("alert") != std::string::npos) {
          throw Error(ErrorCode::kPermissionDenied, where + ": " + tls_failure(detail));
        }
        throw Error(ErrorCode::kUnavailable, fmt::format("{} at {} hung up: {}", options.peer, options.url, detail));
      default: throw Error(ErrorCode::kUnavailable, where + ": " + detail);
    }
  }

  std::string tls_failure(const std::string& detail) const {
    const auto says = [&](const char* words) { return detail.find(words) != std::string::npos; };
    const std::string own = options.tls.certificate.empty() ? "this side's certificate" : options.tls.certificate;
    if (says("certificate required") || (options.tls.certificate.empty() && says("handshake failure"))) {
      return "it requires a client certificate, and none is configured here";
    }
    if (says("unknown ca") || says("bad certificate") || says("decrypt error")) {
      return fmt::format("it refused {}: not signed by the authority that it trusts", own);
    }
    if (says("expired")) return fmt::format("it refused {}: it has expired", own);
    if (says("wrong version number")) return "it does not speak TLS (use http://)";
    return detail;
  }

  struct EndEasy {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  struct EndMulti {
    void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
  };
  ClientOptions options;
  bool secure = false;
  std::array<char, CURL_ERROR_SIZE> error_text{};
  std::unique_ptr<CURLM, EndMulti> multi;
  std::unique_ptr<CURL, EndEasy> easy;
};

Client::Client(ClientOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

const std::string& Client::url() const { return state_->options.url; }

Answer Client::call(const std::string& method, const std::string& path, const std::string& body,
                    const std::string& type, std::stop_token stop) {
  State& state = *state_;
  VEDETTE_ASSERT(path.starts_with('/'));
  state.set_common(path);
  CURL* h = state.easy.get();
  curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, static_cast<long>(state.options.total_timeout.count()));
  OwnedHeaders headers;
  append_header(headers, "Accept: application/json");
  append_header(headers, "Expect:");
  if (!state.options.token.empty()) append_header(headers, "Authorization: Bearer " + state.options.token);
  if (method != "GET") {
    append_header(headers, type.empty() ? "Content-Type:" : "Content-Type: " + type);
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(h, CURLOPT_SEEKFUNCTION, no_seek);
    curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method.c_str());
  }
  curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers.get());
  Exchange exchange(state.options);
  state.perform(exchange, fmt::format("{} {} at {}", method, path, state.options.peer), {}, std::move(stop));
  long status = 0;
  const char* answer_type = nullptr;
  curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(h, CURLINFO_CONTENT_TYPE, &answer_type);
  if (status / 100 != 2) throw error_of(state.options, status, exchange.body);
  return {static_cast<int>(status), answer_type ? answer_type : "", std::move(exchange.body)};
}

Answer Client::get(const std::string& path, std::stop_token stop) { return call("GET", path, {}, {}, std::move(stop)); }
Answer Client::put(const std::string& path, const std::string& body, const std::string& type, std::stop_token stop) {
  return call("PUT", path, body, type, std::move(stop));
}
Answer Client::post(const std::string& path, const std::string& body, const std::string& type, std::stop_token stop) {
  return call("POST", path, body, type, std::move(stop));
}
Answer Client::remove(const std::string& path, std::stop_token stop) {
  return call("DELETE", path, {}, {}, std::move(stop));
}

void Client::follow(const std::string& path, const std::function<bool(std::string_view)>& on_data,
                    std::chrono::seconds silence, std::stop_token stop) {
  State& state = *state_;
  VEDETTE_ASSERT(path.starts_with('/') && silence.count() > 0);
  state.set_common(path);
  OwnedHeaders headers;
  append_header(headers, "Accept: text/event-stream, application/json");
  if (!state.options.token.empty()) append_header(headers, "Authorization: Bearer " + state.options.token);
  curl_easy_setopt(state.easy.get(), CURLOPT_HTTPHEADER, headers.get());
  Exchange exchange(state.options, &on_data);
  state.perform(exchange, fmt::format("GET {} at {}", path, state.options.peer), silence, std::move(stop));
  long status = 0;
  curl_easy_getinfo(state.easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status / 100 != 2) throw error_of(state.options, status, exchange.body);
}

std::string encode_segment(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace vedette::net
