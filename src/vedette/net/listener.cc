#include "vedette/net/listener.h"

#include <fmt/format.h>
#include <httplib.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <mutex>
#include <optional>
#include <set>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/base/thread.h"
#include "vedette/net/connection.h"
#include "vedette/net/connection_threads.h"

namespace vedette::net {
namespace {

constexpr int kBacklog = 64;
/// A scanner must not fill the log.
constexpr std::chrono::seconds kBetweenComplaints{1};

const std::string& busy_answer() {
  static const std::string answer = [] {
    const std::string body =
        R"({"error":{"code":"exhausted","message":"too many connections are open","hint":"close another view first"}})";
    return fmt::format(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: {}\r\nRetry-After: 2\r\n"
        "Connection: close\r\n\r\n{}\n",
        body.size() + 1, body);
  }();
  return answer;
}

/// A bound and listening socket, and its port.
std::pair<int, int> bind_to(const std::string& address, int port, const std::string& port_option) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string numeric = address == "localhost" ? "127.0.0.1" : address;
  if (::getaddrinfo(numeric.c_str(), std::to_string(port).c_str(), &hints, &found) != 0 || !found) {
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is no IP address to listen on", address), "use 127.0.0.1 or ::1");
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> guard(found, ::freeaddrinfo);
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw_errno(errno, "cannot make a socket to listen on");
  // Not SO_REUSEPORT, which httplib sets: a second process on the same port would silently take half of the
  // connections.
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::bind(fd, found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd, kBacklog) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    const int why = errno;
    ::close(fd);
    if (why == EADDRINUSE) {
      throw Error(ErrorCode::kAddressInUse, fmt::format("port {} is taken", port),
                  "choose another with " + port_option);
    }
    if (why == EACCES || why == EPERM) {
      throw Error(ErrorCode::kPermissionDenied, fmt::format("no right to listen on port {}", port),
                  "choose one above 1023 with " + port_option);
    }
    throw_errno(why, fmt::format("cannot listen on {} port {}", address, port));
  }
  const uint16_t network_order = bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                                             : reinterpret_cast<sockaddr_in&>(bound).sin_port;
  return {fd, ntohs(network_order)};
}

/// What the thread of a connection is at work on.
struct Exchange {
  Connection& connection;
  bool expects_continue = false;
  bool must_close = false;
};
thread_local Exchange* t_exchange = nullptr;

class UnreadBody final : public Listener::Body {
 public:
  UnreadBody(const Request& request, Exchange& exchange) : exchange_(exchange) {
    chunked_ = request.header_count("Transfer-Encoding") > 0;
    const size_t lengths = request.header_count("Content-Length");
    if (lengths == 0) return;
    const std::string& text = request.header("Content-Length");
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length_);
    if (lengths > 1 || chunked_ || error != std::errc() || end != text.data() + text.size()) {
      exchange_.must_close = true;
      throw Error(ErrorCode::kUsage, "the request's Content-Length is malformed");
    }
  }

  ~UnreadBody() override {
    if (unread()) exchange_.must_close = true;
  }

  std::string read(size_t limit_bytes) override {
    if (chunked_) {
      throw HttpError(411, ErrorCode::kUsage, "the request's body comes in chunks",
                      "send it as a whole with Content-Length");
    }
    if (length_ > limit_bytes) {
      throw HttpError(413, ErrorCode::kUsage,
                      fmt::format("the request's body is {} bytes long; at most {} are taken", length_, limit_bytes));
    }
    if (length_ == 0) return "";
    if (exchange_.expects_continue) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      exchange_.connection.write(kContinue.data(), kContinue.size());
    }
    exchange_.connection.begin_body(length_);
    std::string body(length_, '\0');
    for (size_t at = 0; at < body.size();) {
      const ssize_t got = exchange_.connection.read(body.data() + at, body.size() - at);
      if (got <= 0) {
        throw HttpError(408, ErrorCode::kTimeout,
                        fmt::format("{} of the {} bytes of the request's body came in time", at, length_));
      }
      at += static_cast<size_t>(got);
    }
    length_ = 0;
    return body;
  }

 private:
  bool unread() const { return chunked_ || length_ > 0; }
  Exchange& exchange_;
  size_t length_ = 0;
  bool chunked_ = false;
};

class HttplibSink final : public Sink {
 public:
  explicit HttplibSink(httplib::DataSink& to) : to_(to) {}
  bool write(std::string_view bytes) override { return to_.write(bytes.data(), bytes.size()); }
  bool is_open() const override { return to_.is_writable(); }
  void end() override {
    to_.done();
    ended_ = true;
  }
  bool ended() const { return ended_; }

 private:
  httplib::DataSink& to_;
  bool ended_ = false;
};

/// Names under which httplib does not look for what it would act on by itself: ranges, compression, 100 Continue.
constexpr std::array<std::pair<const char*, const char*>, 2> kHidden{
    {{"Accept-Encoding", "X-Hidden-Accept-Encoding"}, {"Expect", "X-Hidden-Expect"}}};

Request request_of(const httplib::Request& from) {
  Request request;
  request.method = from.method;
  request.path = from.path;
  request.query = {from.params.begin(), from.params.end()};
  for (const auto& [name, value] : from.headers) {
    std::string shown = name;
    for (const auto& [visible, hidden] : kHidden)
      if (name == hidden) shown = visible;
    request.headers.emplace(std::move(shown), value);
  }
  return request;
}

void give(Response from, httplib::Response& to) {
  to.status = from.status;
  for (const auto& [name, value] : from.headers) to.set_header(name, value);
  if (from.stream) {
    to.set_chunked_content_provider(from.content_type,
                                    [stream = std::move(from.stream)](size_t, httplib::DataSink& sink) {
                                      HttplibSink wrapped(sink);
                                      return stream(wrapped) || wrapped.ended();
                                    });
  } else if (!from.content_type.empty()) {
    to.set_content(from.body, from.content_type);
  }
}

}  // namespace

class Listener::Http final : public httplib::Server {
 public:
  Http(int socket, Listener::Options options, Listener::Handler handler)
      : options_(std::move(options)), handler_(std::move(handler)) {
    svr_sock_ = socket;
    set_keep_alive_timeout(std::chrono::duration_cast<std::chrono::seconds>(options_.limits.idle_timeout).count());
    set_keep_alive_max_count(1000);
    new_task_queue = [this] { return std::make_unique<ConnectionThreads>(options_.max_connections).release(); };
    set_pre_routing_handler([this](const auto& request, auto& response) {
      handle(request, response);
      return HandlerResponse::Handled;
    });
  }

  /// Ends the accepting and every wait on a connection.
  void shut_down() {
    const int socket = svr_sock_.exchange(INVALID_SOCKET);
    const std::lock_guard lock(mutex_);
    closing_ = true;
    if (socket != INVALID_SOCKET) ::shutdown(socket, SHUT_RDWR);
    for (const int connection : connections_) ::shutdown(connection, SHUT_RDWR);
  }

 private:
  void handle(const httplib::Request& from, httplib::Response& to) {
    Exchange& exchange = *t_exchange;
    Request request = request_of(from);
    Response response;
    try {
      UnreadBody body(request, exchange);
      handler_(request, body, response);
    } catch (const Error& error) {
      answer_error(response, error);
    } catch (const std::exception& error) {
      log::error("http: {} {} failed: {}", request.method, request.path, error.what());
      answer_error(response, Error(ErrorCode::kInternal, "the server could not answer", "see the program's log"));
    }
    if (exchange.must_close) response.set_header("Connection", "close");
    give(std::move(response), to);
  }

  bool process_and_close_socket(socket_t socket) override {
    if (ConnectionThreads::turning_away()) {
      if (!options_.tls) ::send(socket, busy_answer().data(), busy_answer().size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      ::shutdown(socket, SHUT_WR);
      ::close(socket);
      return false;
    }
    const bool fine = enter(socket) && converse(socket);
    leave(socket);
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
    return fine;
  }

  bool converse(int socket) try {
    Connection connection(socket, options_.limits, options_.tls.get());
    if (const std::string fault = connection.handshake(); !fault.empty()) {
      complain(connection, fault);
      connection.linger();
      return false;
    }
    bool ended = false;
    while (!ended && svr_sock_ != INVALID_SOCKET && connection.await_request()) {
      Exchange exchange{connection};
      t_exchange = &exchange;
      const bool fine = process_request(connection, false, ended, [&](httplib::Request& request) {
        request.ranges.clear();
        exchange.expects_continue = request.get_header_value("Expect") == "100-continue";
        for (const auto& [visible, hidden] : kHidden) {
          request.headers.erase(hidden);
          const std::string value = request.get_header_value(visible);
          request.headers.erase(visible);
          if (!value.empty()) request.headers.emplace(hidden, value);
        }
      });
      t_exchange = nullptr;
      if (!fine) return false;
      if (exchange.must_close) {
        connection.linger();
        return true;
      }
    }
    return true;
  } catch (const Error& error) {
    log::error("http: {}", error.line());
    return false;
  }

  void complain(const Connection& connection, const std::string& fault) {
    std::string ip;
    int port = 0;
    connection.get_remote_ip_and_port(ip, port);
    const MonotonicTime now = Clock::system().monotonic();
    const std::lock_guard lock(mutex_);
    if (now - complained_ < kBetweenComplaints) {
      ++not_complained_;
      return;
    }
    complained_ = now;
    log::warn("http: {} is turned away: {}{}", ip, fault,
              not_complained_ > 0 ? fmt::format(" (and {} others before)", not_complained_) : "");
    not_complained_ = 0;
  }

  bool enter(int socket) {
    const std::lock_guard lock(mutex_);
    if (closing_) return false;
    connections_.insert(socket);
    return true;
  }
  void leave(int socket) {
    const std::lock_guard lock(mutex_);
    connections_.erase(socket);
  }

  const Listener::Options options_;
  const Listener::Handler handler_;
  std::mutex mutex_;
  std::set<int> connections_;
  bool closing_ = false;
  MonotonicTime complained_{};
  uint64_t not_complained_ = 0;
};

Listener::Listener(Options options, Handler handler) {
  std::tie(socket_, port_) = bind_to(options.address, options.port, options.port_option);
  http_ = std::make_unique<Http>(socket_, std::move(options), std::move(handler));
  thread_ = std::jthread([this] {
    name_this_thread("http-accept");
    http_->listen_after_bind();
  });
}

Listener::~Listener() {
  http_->shut_down();
  if (thread_.joinable()) thread_.join();
  ::close(socket_);
}

}  // namespace vedette::net
