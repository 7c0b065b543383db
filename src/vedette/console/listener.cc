#include "vedette/console/listener.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/base/thread.h"

namespace vedette::console {
namespace {

constexpr int kBacklog = 64;

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

/// Set on the accepting thread while it turns a connection away.
thread_local bool t_turning_away = false;

/// Threads that are made when needed, up to a limit, and handed one connection each. Beyond that the connection's task
/// runs on the accepting thread with t_turning_away set.
class ConnectionThreads final : public httplib::TaskQueue {
 public:
  explicit ConnectionThreads(size_t limit) : limit_(limit) {}
  ~ConnectionThreads() override { shutdown(); }

  void enqueue(std::function<void()> task) override {
    {
      std::unique_lock lock(mutex_);
      if (busy_ + tasks_.size() < limit_) {
        tasks_.push_back(std::move(task));
        if (idle_ < tasks_.size()) threads_.emplace_back([this] { run(); });
        wake_.notify_one();
        return;
      }
    }
    t_turning_away = true;
    task();
    t_turning_away = false;
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    threads_.clear();
  }

 private:
  void run() {
    name_this_thread("console-http");
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      wake_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
      --idle_;
      if (tasks_.empty()) return;
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      ++busy_;
      lock.unlock();
      task();
      lock.lock();
      --busy_;
    }
  }

  const size_t limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::jthread> threads_;
  size_t idle_ = 0;
  size_t busy_ = 0;
  bool stopping_ = false;
};

/// A bound and listening socket, and its port.
std::pair<int, int> bind_to(const std::string& address, int port) {
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
  if (fd < 0) throw_errno(errno, "cannot make a socket for the console");
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
                  "choose another with --console PORT");
    }
    if (why == EACCES || why == EPERM) {
      throw Error(ErrorCode::kPermissionDenied, fmt::format("no right to listen on port {}", port),
                  "choose one above 1023 with --console PORT");
    }
    throw_errno(why, fmt::format("cannot listen on {} port {}", address, port));
  }
  const uint16_t network_order = bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                                             : reinterpret_cast<sockaddr_in&>(bound).sin_port;
  return {fd, ntohs(network_order)};
}

}  // namespace

class Listener::Http final : public httplib::Server {
 public:
  Http(int socket, Listener::Options options, Listener::Handler handler) : options_(std::move(options)) {
    svr_sock_ = socket;
    set_keep_alive_timeout(std::chrono::duration_cast<std::chrono::seconds>(options_.limits.idle_timeout).count());
    set_keep_alive_max_count(1000);
    new_task_queue = [this] { return std::make_unique<ConnectionThreads>(options_.max_connections).release(); };
    set_pre_routing_handler([handler = std::move(handler)](const auto& request, auto& response) {
      handler(request, response);
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
  bool process_and_close_socket(socket_t socket) override {
    if (t_turning_away) {
      ::send(socket, busy_answer().data(), busy_answer().size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      ::shutdown(socket, SHUT_WR);
      ::close(socket);
      return false;
    }
    const bool open = enter(socket);
    bool fine = open;
    {
      Connection connection(socket, options_.limits);
      bool ended = !open;
      while (!ended && svr_sock_ != INVALID_SOCKET && connection.await_request()) {
        fine = process_request(connection, false, ended, [](httplib::Request& request) {
          request.ranges.clear();
          const std::string encodings = request.get_header_value("Accept-Encoding");
          request.headers.erase("Accept-Encoding");
          if (!encodings.empty()) request.set_header("X-Accept-Encoding", encodings);
        });
        if (!fine) break;
      }
    }
    leave(socket);
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
    return fine;
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
  std::mutex mutex_;
  std::set<int> connections_;
  bool closing_ = false;
};

Listener::Listener(Options options, Handler handler) {
  std::tie(socket_, port_) = bind_to(options.address, options.port);
  http_ = std::make_unique<Http>(socket_, std::move(options), std::move(handler));
  thread_ = std::jthread([this] {
    name_this_thread("console-accept");
    http_->listen_after_bind();
  });
}

Listener::~Listener() {
  http_->shut_down();
  if (thread_.joinable()) thread_.join();
  ::close(socket_);
}

}  // namespace vedette::console
